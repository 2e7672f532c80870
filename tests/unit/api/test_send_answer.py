"""The answer to a request to send."""

import pytest

from sms_bridge.api.send_request import send_answer
from sms_bridge.domain.state import State
from tests.builders import MESSAGE_ID, NUMBER, UMID, a_message


def test_a_sent_message_is_answered_in_8x8s_shape_with_the_id_that_moengage_maps() -> None:
    message = a_message(state=State.QUEUED, umid=UMID, description="SMS is accepted")

    assert send_answer(message) == {
        "messageId": MESSAGE_ID,
        "clientMessageId": MESSAGE_ID,
        "destination": NUMBER,
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted"},
        "umid": UMID,
    }


def test_the_callers_own_id_is_given_back() -> None:
    answer = send_answer(a_message(client_message_id="theirs"))

    assert (answer["clientMessageId"], answer["messageId"]) == ("theirs", MESSAGE_ID)


@pytest.mark.parametrize("state", State)
def test_a_message_is_rejected_only_when_8x8_did_not_take_it(state: State) -> None:
    rejected = state in ("failed", "rejected")

    answer = send_answer(a_message(state=state))

    assert answer["status"]["code"] == ("REJECTED" if rejected else "QUEUED")
    assert answer["status"]["description"]


def test_what_8x8_did_not_give_is_left_out() -> None:
    assert not {"umid", "reason"} & set(send_answer(a_message()))


def test_a_reason_is_told() -> None:
    message = a_message(state=State.FAILED, reason="eightx8_invalid_source", description="No.")

    answer = send_answer(message)

    assert answer["reason"] == "eightx8_invalid_source"
    assert answer["status"] == {"code": "REJECTED", "description": "No."}
