"""What support staff are told of a message."""

import pytest

from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import State
from tests.builders import MESSAGE_ID, NUMBER, SUB_ACCOUNT, UMID, a_message, a_receipt

TOLD = a_message(
    state=State.UNDELIVERED,
    umid=UMID,
    source="Acme",
    campaign_id="c-1",
    accepted_at="2026-11-24T09:30:00.000Z",
    answered_at="2026-11-24T09:30:00.400Z",
    receipts=(
        a_receipt("sent", received_at="2026-11-24T09:30:02.000Z"),
        a_receipt(
            "undelivered",
            received_at="2026-11-24T09:30:04.000Z",
            error_code="1",
            error_message="Absent",
            price="0.0375",
            currency="EUR",
        ),
    ),
    outcome=Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent"),
    outcome_due_at="2026-11-24T09:30:04.000Z",
    outcome_reported_at="2026-11-24T09:30:06.500Z",
)


def test_everything_that_is_known_is_told_and_nothing_else() -> None:
    answer = look_up_answer(TOLD, full_number=False)

    history = answer.pop("history")
    assert answer.pop("story")[0] == "2026-11-24T09:30:00.000Z: accepted from MoEngage"
    assert answer == {
        "messageId": MESSAGE_ID,
        "state": "undelivered",
        "subAccountId": SUB_ACCOUNT,
        "destination": "65*****567",
        "source": "Acme",
        "campaignId": "c-1",
        "umid": UMID,
        "encoding": "GSM7",
        "segments": 1,
        "outcome": {
            "status": "FAILED",
            "reason": "eightx8_undelivered_1",
            "description": "Absent",
        },
    }
    assert [step["event"] for step in history] == [
        "accepted",
        "answered by 8x8",
        "receipt sent",
        "receipt undelivered",
        "outcome due",
        "MoEngage told",
    ]
    assert history[3] == {
        "at": "2026-11-24T09:30:04.000Z",
        "event": "receipt undelivered",
        "happenedAt": "2026-11-24T09:30:03.1234567Z",
        "errorCode": "1",
        "errorMessage": "Absent",
        "price": "0.0375 EUR",
    }


@pytest.mark.parametrize(("full_number", "shown"), [(False, "65*****567"), (True, NUMBER)])
def test_the_number_is_masked_unless_it_may_be_seen(full_number: bool, shown: str) -> None:
    answer = look_up_answer(a_message(), full_number=full_number)

    assert answer["destination"] == shown
    assert (NUMBER in str(answer)) is full_number


def test_the_history_is_in_the_order_in_which_things_came() -> None:
    early = a_receipt("delivered", received_at="2026-11-24T09:30:00.100Z")
    message = a_message(answered_at="2026-11-24T09:30:00.400Z", receipts=(early,))

    history = look_up_answer(message, full_number=False)["history"]

    assert [step["event"] for step in history] == [
        "accepted",
        "receipt delivered",
        "answered by 8x8",
    ]


def test_an_attempt_without_an_answer_is_told() -> None:
    history = look_up_answer(a_message(), full_number=False)["history"]

    assert [step["event"] for step in history] == ["accepted", "handed to 8x8"]


def test_an_outcome_that_was_given_up_is_told_with_its_reason() -> None:
    message = a_message(
        outcome_given_up="moengage_404", outcome_given_up_at="2026-11-24T09:31:00.000Z"
    )

    assert look_up_answer(message, full_number=False)["history"][-1] == {
        "at": "2026-11-24T09:31:00.000Z",
        "event": "outcome given up",
        "reason": "moengage_404",
    }


def test_why_a_message_waits_is_told() -> None:
    message = a_message(
        state=State.WAITING, answered_at="2026-11-24T09:30:00.400Z", reason="eightx8_throttled"
    )

    answer = look_up_answer(message, full_number=False)

    assert (answer["state"], answer["reason"]) == ("waiting", "eightx8_throttled")
    assert answer["history"][-1] == {
        "at": "2026-11-24T09:30:00.400Z",
        "event": "answered by 8x8",
        "reason": "eightx8_throttled",
    }


def test_a_message_of_which_only_receipts_are_known_can_be_told() -> None:
    message = Message(id=f"umid {UMID}", state=State.SENT, receipts=(a_receipt("sent"),))

    assert look_up_answer(message, full_number=True) == {
        "messageId": f"umid {UMID}",
        "state": "sent",
        "story": ["2026-11-24T09:30:04.000Z: given to the operator"],
        "history": [
            {
                "at": "2026-11-24T09:30:04.000Z",
                "event": "receipt sent",
                "happenedAt": "2026-11-24T09:30:03.1234567Z",
            }
        ],
    }
