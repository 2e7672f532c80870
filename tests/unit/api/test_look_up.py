"""The answers for support staff: what became of messages."""

import pytest

from sms_bridge.api.errors import Reason
from sms_bridge.api.look_up import look_up_answer, lookup_key_of, read_wanted
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import State
from tests.builders import (
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    UMID,
    a_message,
    a_receipt,
    an_http_request,
    refusal_of,
)

REPORTED = a_message(
    state=State.UNDELIVERED,
    umid=UMID,
    source="Acme",
    campaign_id="c-1",
    accepted_at=seconds_of("2026-11-24T09:30:00.000Z"),
    answered_at=seconds_of("2026-11-24T09:30:00.400Z"),
    receipts=(
        a_receipt("sent", received_at=seconds_of("2026-11-24T09:30:02.000Z")),
        a_receipt(
            "undelivered",
            received_at=seconds_of("2026-11-24T09:30:04.000Z"),
            error_code="1",
            error_message="Absent",
            price="0.0375",
            currency="EUR",
        ),
    ),
    outcome=Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent"),
    outcome_due_at=seconds_of("2026-11-24T09:30:04.000Z"),
    outcome_reported_at=seconds_of("2026-11-24T09:30:06.500Z"),
    clicks=(seconds_of("2026-11-24T09:31:00.000Z"),),
)


def test_everything_that_is_known_is_answered_and_nothing_else() -> None:
    answer = look_up_answer(REPORTED, full_number=False)

    history = answer.pop("history")
    assert answer.pop("timeline")[0] == "2026-11-24T09:30:00.000Z: accepted from MoEngage"
    assert answer == {
        "umid": MESSAGE_ID,
        "state": "undelivered",
        "subAccountId": SUB_ACCOUNT,
        "destination": "65*****567",
        "source": "Acme",
        "campaignId": "c-1",
        "eightx8Umid": UMID,
        "encoding": "GSM7",
        "segments": 1,
        "clicks": 1,
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
        "outcome reported",
        "link opened",
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


def test_a_reply_names_the_sms_that_it_answers_and_nothing_is_due() -> None:
    reply = a_message(
        reply_to=UMID, outcome=REPORTED.outcome, outcome_due_at=REPORTED.outcome_due_at
    )

    answer = look_up_answer(reply, full_number=False)

    assert answer["replyTo"] == UMID
    assert [step["event"] for step in answer["history"]] == ["accepted", "handed to 8x8"]


def test_the_history_is_in_the_order_in_which_things_came() -> None:
    early = a_receipt("delivered", received_at=seconds_of("2026-11-24T09:30:00.100Z"))
    message = a_message(answered_at=seconds_of("2026-11-24T09:30:00.400Z"), receipts=(early,))

    history = look_up_answer(message, full_number=False)["history"]

    assert [step["event"] for step in history] == [
        "accepted",
        "receipt delivered",
        "answered by 8x8",
    ]


def test_an_attempt_without_an_answer_is_listed() -> None:
    history = look_up_answer(a_message(), full_number=False)["history"]

    assert [step["event"] for step in history] == ["accepted", "handed to 8x8"]


def test_an_outcome_that_was_given_up_is_listed_with_its_reason() -> None:
    message = a_message(
        outcome_given_up="moengage_404", outcome_given_up_at=seconds_of("2026-11-24T09:31:00.000Z")
    )

    assert look_up_answer(message, full_number=False)["history"][-1] == {
        "at": "2026-11-24T09:31:00.000Z",
        "event": "outcome given up",
        "reason": "moengage_404",
    }


def test_why_a_message_waits_is_answered() -> None:
    message = a_message(
        state=State.WAITING,
        answered_at=seconds_of("2026-11-24T09:30:00.400Z"),
        reason="eightx8_throttled",
    )

    answer = look_up_answer(message, full_number=False)

    assert (answer["state"], answer["reason"]) == ("waiting", "eightx8_throttled")
    assert answer["history"][-1] == {
        "at": "2026-11-24T09:30:00.400Z",
        "event": "answered by 8x8",
        "reason": "eightx8_throttled",
    }


def test_a_message_that_is_known_by_its_receipts_only_is_answered() -> None:
    message = Message(id=f"umid {UMID}", state=State.SENT, receipts=(a_receipt("sent"),))

    assert look_up_answer(message, full_number=True) == {
        "umid": f"umid {UMID}",
        "state": "sent",
        "timeline": ["2026-11-24T09:30:04.000Z: given to the operator"],
        "history": [
            {
                "at": "2026-11-24T09:30:04.000Z",
                "event": "receipt sent",
                "happenedAt": "2026-11-24T09:30:03.1234567Z",
            }
        ],
    }


@pytest.mark.parametrize(
    "query",
    [
        *("", "destination=6591234567&campaignId=a", "umid=a", f"eightx8Umid={'u' * 101}"),
        f"campaignId={'c' * 257}",
    ],
)
def test_messages_are_found_by_exactly_one_lookup_key(query: str) -> None:
    refusal = refusal_of(lookup_key_of, an_http_request(query_string=query))

    assert refusal.reason is Reason.QUERY_INVALID


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"campaignId=a&limit={'9' * 4400}", "limit"),
        ("campaignId=a&limit=0", "limit"),
        ("campaignId=a&limit=101", "limit"),
        ("campaignId=a&limit=%D9%A3", "limit"),
        ("campaignId=a&limit=-1", "limit"),
        (f"destination={'9' * 4400}", "destination"),
        ("campaignId=a&state=lost", "state"),
        ("campaignId=a&next=%FF", "next"),
        (f"campaignId=a&next={'A' * 4000}", "next"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, field: str) -> None:
    refusal = refusal_of(read_wanted, an_http_request(query_string=query))

    assert [error.field for error in refusal.errors] == [field]
    assert refusal.reason is Reason.QUERY_INVALID
