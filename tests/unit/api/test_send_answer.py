"""The answer to a request to send: 8x8's ``SmsResponse``, with the bridge's id."""

import pytest

from local.eightx8.contract import problems_of
from sms_bridge.api.send_request import send_answer
from sms_bridge.domain.state import State
from tests.builders import MESSAGE_ID, NUMBER, UMID, a_message


def test_an_accepted_message_is_answered_in_8x8s_shape_with_the_bridges_id() -> None:
    message = a_message(state=State.QUEUED, umid=UMID, description="queued by 8x8")

    assert send_answer(message) == {
        "umid": MESSAGE_ID,
        "clientMessageId": MESSAGE_ID,
        "destination": NUMBER,
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
    }


def test_the_callers_own_id_is_given_back() -> None:
    answer = send_answer(a_message(client_message_id="theirs"))

    assert (answer["clientMessageId"], answer["umid"]) == ("theirs", MESSAGE_ID)


@pytest.mark.parametrize("state", State)
def test_a_message_is_rejected_only_when_8x8_did_not_accept_it(state: State) -> None:
    rejected = state in ("failed", "rejected")

    answer = send_answer(a_message(state=state))

    assert answer["status"]["code"] == ("REJECTED" if rejected else "QUEUED")
    assert answer["status"]["description"]


def test_a_repeat_is_answered_like_the_first_while_nothing_is_refused() -> None:
    first, repeat, waiting = (
        a_message(state=State.QUEUED, description="queued by 8x8"),
        a_message(state=State.QUEUED),
        a_message(state=State.WAITING, reason="eightx8_throttled", description="Rate limit"),
    )

    assert send_answer(first) == send_answer(repeat) == send_answer(waiting)


def test_a_refusal_says_why() -> None:
    answer = send_answer(a_message(state=State.FAILED, description="8x8 refused the sender ID"))

    assert answer["status"] == {"code": "REJECTED", "description": "8x8 refused the sender ID"}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("reason", ["", "eightx8_invalid_source"])
@pytest.mark.parametrize("encoding", ["GSM7", "UCS2", "", "LATIN1"])
def test_nothing_is_missing_and_nothing_is_added(state: State, reason: str, encoding: str) -> None:
    answer = send_answer(a_message(state=state, reason=reason, encoding=encoding))

    assert list(answer) == ["umid", "clientMessageId", "destination", "encoding", "status"]
    assert list(answer["status"]) == ["code", "description"]
    assert list(problems_of("SmsResponse", answer)) == []
