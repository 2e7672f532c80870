"""A message is found by 8x8's id in whichever sub-account it is, and many are found in pages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import batched

import pytest

from sms_bridge.domain.message import Message, Position, State
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services import look_up as module
from sms_bridge.services.look_up import LookUp, Wanted
from tests.builders import AT, MESSAGE_ID, NUMBER, UMID, a_message, plain
from tests.fakes.messages import InMemoryMessages

ACCOUNTS = ("one", "two", "three")
REFUSED = DetailsFailedError("unauthorized", "8x8 refuses the bridge's API key")


class Details:
    """8x8's records: an id, a failure, or for ``None`` no answer before the end."""

    def __init__(self, **answers: str | DetailsFailedError | None) -> None:
        self.answers = {name: answers.get(name, "") for name in ACCOUNTS}
        self.asked: set[str] = set()
        self.end = threading.Event()

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        assert umid == UMID
        self.asked.add(sub_account_id)
        answer = self.answers[sub_account_id]
        if answer is None:
            self.end.wait(10)
            return ""
        if isinstance(answer, DetailsFailedError):
            raise answer
        return answer


@contextmanager
def looking_up(details: Details, *messages: Message, seconds: float = 10) -> Iterator[LookUp]:
    """Look messages up; nobody waits any longer at the end."""
    kept = InMemoryMessages(messages={one.id: one for one in messages})
    try:
        yield LookUp(
            messages=kept,
            client_message_id_of=details.client_message_id_of,
            sub_account_ids=ACCOUNTS,
            seconds=seconds,
        )
    finally:
        details.end.set()


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_message_is_found_in_whichever_sub_account_it_is(account: str) -> None:
    with looking_up(Details(**{account: MESSAGE_ID}), a_message()) as look_up:
        found = look_up.by_umid(UMID)

    assert found is not None
    assert found.id == MESSAGE_ID


def test_all_are_asked_before_it_is_said_that_there_is_none() -> None:
    details = Details()
    with looking_up(details) as look_up:
        assert look_up.by_umid(UMID) is None

    assert details.asked == set(ACCOUNTS)


@pytest.mark.parametrize("trouble", [REFUSED, None])
def test_trouble_with_one_sub_account_hides_no_message_of_another(
    trouble: DetailsFailedError | None,
) -> None:
    """They are asked side by side: one that does not answer keeps nobody waiting."""
    with looking_up(Details(one=trouble, two=MESSAGE_ID), a_message()) as look_up:
        assert look_up.by_umid(UMID) is not None


def test_what_could_not_be_asked_is_not_said_to_be_nothing() -> None:
    with (
        looking_up(Details(two=REFUSED)) as look_up,
        pytest.raises(DetailsFailedError) as failure,
    ):
        look_up.by_umid(UMID)

    assert failure.value.reason == "eightx8_unauthorized"


def test_the_time_is_limited_for_all_of_them_together() -> None:
    with (
        looking_up(Details(one=None, two=None, three=None), seconds=0) as look_up,
        pytest.raises(DetailsFailedError) as failure,
    ):
        look_up.by_umid(UMID)

    assert failure.value.reason == "eightx8_timeout"


@pytest.mark.parametrize("trouble", ["", REFUSED])
def test_receipts_for_a_message_that_the_bridge_did_not_send_are_found(
    trouble: str | DetailsFailedError,
) -> None:
    foreign = Message(id=f"umid {UMID}", state=State.SENT)
    with looking_up(Details(one=trouble), foreign) as look_up:
        assert plain(look_up.by_umid(UMID)) == plain(foreign)


# Two were accepted at the same moment, and every third was delivered.
MANY = [
    a_message(
        id=f"{MESSAGE_ID[:-2]}{number}",
        state=State.SENT if number % 3 else State.DELIVERED,
        campaign_id="c-1",
        recipient_hash=keyed_hash(NUMBER, "k"),
        accepted_at=AT + number // 2,
    )
    for number in range(10, 22)
]


@pytest.mark.parametrize("wanted", [{"campaign_id": "c-1"}, {"destination": NUMBER}])
@pytest.mark.parametrize("state", [None, State.SENT, State.DELIVERED, State.FAILED])
@pytest.mark.parametrize("limit", [1, 4, 5, 12])
def test_pages_hold_each_message_once_and_the_newest_first(
    wanted: dict[str, str], state: State | None, limit: int
) -> None:
    others = a_message(campaign_id="c-2", recipient_hash="another")
    pages: list[list[str]] = []
    before: Position | None = None
    with looking_up(Details(), *MANY, others) as look_up:
        while not pages or before:
            asked = Wanted(**wanted, state=state, before=before, limit=limit)
            page = look_up.page(asked, hash_key="k")
            pages.append([message.id for message in page.messages])
            before = page.next

    ids = [one.id for one in reversed(MANY) if state in (None, one.state)]
    assert [page for page in pages if page] == [list(some) for some in batched(ids, limit)]


def test_a_page_for_which_much_was_looked_through_says_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_LOOKED_THROUGH_AT_MOST", 5)
    pages: list[int] = []
    before: Position | None = None
    with looking_up(Details(), *MANY) as look_up:
        while not pages or before:
            asked = Wanted(campaign_id="c-1", state=State.DELIVERED, before=before, limit=9)
            page = look_up.page(asked, hash_key="k")
            pages.append(len(page.messages))
            before = page.next

    assert pages == [2, 2, 0]
