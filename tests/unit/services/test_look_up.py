"""A message is found by 8x8's id in whichever sub-account it is, or it is said why not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sms_bridge.domain.message import Message, State
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import LookUp
from tests.builders import MESSAGE_ID, UMID, a_message, plain
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
