"""8x8's details of a message, as the bridge gives them."""

from typing import Any

import pytest

from local.eightx8.contract import problems_of
from sms_bridge.api.details import details_answer, read_umid
from sms_bridge.domain.state import State
from tests.builders import (
    AT,
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    a_message,
    a_receipt,
    an_http_request,
    refusal_of,
)

# As 8x8's own client is told it.
WORDS = {
    State.WAITING: "queued",
    State.SENDING: "queued",
    State.UNKNOWN: "unknown",
    State.FAILED: "failed",
    State.QUEUED: "queued",
    State.SENT: "sent",
    State.DEFERRED: "sent",
    State.REJECTED: "failed",
    State.UNDELIVERED: "undelivered",
    State.DELIVERED: "delivered",
    State.READ: "read",
}


def test_a_message_that_just_came_has_all_that_8x8_requires() -> None:
    answer = details_answer(a_message())

    assert answer == {
        "umid": MESSAGE_ID,
        "subAccountId": SUB_ACCOUNT,
        "direction": "outbound",
        "status": {"state": "queued", "timestamp": "2026-11-24T09:30:00.000Z"},
        "msisdn": "65*****567",
        "source": "",
        "body": "**MASKED**",
        "encoding": "GSM7",
        "createdAt": "2026-11-24T09:30:00.000Z",
        "smsCount": 1,
        "price": {"total": 0.0, "perSms": 0.0, "currency": "XXX"},
    }
    assert problems_of("MessageDetails", answer) == []


def test_what_the_last_receipt_says_is_the_status_and_the_price() -> None:
    delivered: dict[str, Any] = {
        "detail": "delivered_to_recipient",
        "price": "0.075",
        "currency": "EUR",
        "segments": 2,
        "received_at": AT + 9,
    }
    message = a_message(
        state=State.DELIVERED,
        source="Acme",
        client_message_id="theirs",
        segments=2,
        receipts=(a_receipt("sent"), a_receipt("delivered", **delivered)),
    )

    answer = details_answer(message)

    assert answer["status"] == {
        "state": "delivered",
        "detail": "delivered_to_recipient",
        "timestamp": "2026-11-24T09:30:09.000Z",
    }
    assert answer["price"] == {"total": 0.075, "perSms": 0.0375, "currency": "EUR"}
    assert (answer["source"], answer["clientMessageId"]) == ("Acme", "theirs")
    assert problems_of("MessageDetails", answer) == []


@pytest.mark.parametrize(
    "message",
    [
        a_message(
            state=State.UNDELIVERED,
            receipts=(a_receipt("undelivered", error_code="1", error_message="Absent"),),
        ),
        a_message(state=State.FAILED, eightx8_code="1", description="Absent"),
    ],
    ids=["by its receipt", "by 8x8's answer"],
)
def test_a_failure_has_8x8s_code_and_the_words(message: Any) -> None:
    status = details_answer(message)["status"]

    assert (status["errorCode"], status["errorMessage"]) == (1, "Absent")


@pytest.mark.parametrize("state", State)
def test_each_state_is_one_of_8x8s_words(state: State) -> None:
    answer = details_answer(a_message(state=state))

    assert answer["status"]["state"] == WORDS[state]
    assert NUMBER.removeprefix("+") not in str(answer)


@pytest.mark.parametrize("umid", ["batch", "exports", "", f"{MESSAGE_ID}x"])
def test_what_is_no_id_is_refused_as_8x8_refuses_it(umid: str) -> None:
    refusal = refusal_of(read_umid, an_http_request(path_parameters={"umid": umid}))

    assert (refusal.status, refusal.code) == (400, 1000)
    assert read_umid(an_http_request(path_parameters={"umid": MESSAGE_ID})) == MESSAGE_ID
