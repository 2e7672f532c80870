"""A message is found by 8x8's id in whichever sub-account it is, or it is said why not."""

import threading

import pytest

from sms_bridge.domain.message import Message, State
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import LookUp
from tests.builders import MESSAGE_ID, UMID, a_message, plain
from tests.fakes.messages import InMemoryMessages

ACCOUNTS = ("one", "two", "three")
REFUSED = DetailsFailedError("unauthorized", "8x8 refuses the bridge's API key")


class Details:
    """8x8's records: an id or a failure; none is said before all sub-accounts were asked."""

    def __init__(self, **answers: str | DetailsFailedError) -> None:
        self.answers = {name: answers.get(name, "") for name in ACCOUNTS}
        self.all_asked = threading.Barrier(len(ACCOUNTS))

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        assert umid == UMID
        self.all_asked.wait(60)
        answer = self.answers[sub_account_id]
        if isinstance(answer, DetailsFailedError):
            raise answer
        return answer


def looking_up(details: Details, *messages: Message) -> LookUp:
    kept = InMemoryMessages(messages={one.id: one for one in messages})
    return LookUp(
        messages=kept,
        client_message_id_of=details.client_message_id_of,
        sub_account_ids=ACCOUNTS,
    )


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_message_is_found_in_whichever_sub_account_it_is(account: str) -> None:
    found = looking_up(Details(**{account: MESSAGE_ID}), a_message()).by_umid(UMID)

    assert found is not None
    assert found.id == MESSAGE_ID


def test_all_are_asked_side_by_side_before_it_is_said_that_there_is_none() -> None:
    details = Details()

    assert looking_up(details).by_umid(UMID) is None
    assert not details.all_asked.broken


def test_trouble_with_one_sub_account_hides_no_message_of_another() -> None:
    details = Details(one=REFUSED, two=MESSAGE_ID)

    assert looking_up(details, a_message()).by_umid(UMID) is not None


def test_what_could_not_be_asked_is_not_said_to_be_nothing() -> None:
    with pytest.raises(DetailsFailedError) as failure:
        looking_up(Details(two=REFUSED)).by_umid(UMID)

    assert failure.value.reason == "eightx8_unauthorized"


@pytest.mark.parametrize("trouble", ["", REFUSED])
def test_receipts_for_a_message_that_the_bridge_did_not_send_are_found(
    trouble: str | DetailsFailedError,
) -> None:
    foreign = Message(id=f"umid {UMID}", state=State.SENT)

    assert plain(looking_up(Details(one=trouble), foreign).by_umid(UMID)) == plain(foreign)
