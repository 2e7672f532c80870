"""A message's timeline, as the support desk reads it."""

from typing import Any

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.state import State
from sms_bridge.domain.timeline import timeline_of
from tests.builders import AT, NUMBER, UMID, a_message, a_receipt


def at(second: float) -> float:
    return AT + second


def reported(message: Message) -> list[str]:
    """Return the timeline with the seconds of each event."""
    return [f"{float(when[17:23]):g} {what}" for when, what in timeline_of(message)]


def a_word(word: str, second: float, **changes: Any) -> Receipt:
    return a_receipt(word, received_at=at(second), **changes)


DELIVERED = Outcome(OutcomeStatus.DELIVERED)
ABSENT = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent subscriber")


def failed(reason: str, description: str) -> dict[str, Any]:
    """Return what an attempt leaves that failed for good."""
    return {
        "state": State.FAILED,
        "reason": reason,
        "description": description,
        "answered_at": at(1),
        "outcome": Outcome(OutcomeStatus.FAILED, reason, description),
        "outcome_due_at": at(1),
        "outcome_reported_at": at(7),
    }


def outcome(which: Outcome, **changes: Any) -> dict[str, Any]:
    return {"outcome": which, "outcome_due_at": at(9), **changes}


TIMELINES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all the way": (
        {
            "state": State.DELIVERED,
            "answered_at": at(1),
            "description": "SMS is accepted and queued by 8x8",
            "receipts": (a_word("queued", 2), a_word("sent", 3), a_word("delivered", 9)),
            **outcome(DELIVERED, outcome_reported_at=at(10)),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "2 8x8 queued it",
            "3 given to the operator",
            "9 delivered to the phone",
            "10 reported to MoEngage: DELIVERED",
        ],
    ),
    "all the way, with 8x8's yes not written down": (
        {
            "state": State.DELIVERED,
            "receipts": (a_word("queued", 2), a_word("delivered", 9)),
            **outcome(DELIVERED, outcome_reported_at=at(10)),
        },
        [
            "0 accepted from MoEngage",
            "0 handed to 8x8",
            "2 8x8 queued it",
            "9 delivered to the phone",
            "10 reported to MoEngage: DELIVERED",
        ],
    ),
    "handed over, and nothing heard yet": (
        {"state": State.SENDING},
        ["0 accepted from MoEngage", "0 handed to 8x8", "0 no receipt has come yet"],
    ),
    "not delivered": (
        {
            "state": State.UNDELIVERED,
            "answered_at": at(1),
            "receipts": (
                a_word("undelivered", 4, state=State.DEFERRED, error_code="22"),
                a_word("undelivered", 9, error_code="1", error_message="Absent subscriber"),
            ),
            **outcome(ABSENT, outcome_reported_at=at(10)),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "4 not delivered yet, the operator goes on trying (error 22)",
            "9 not delivered (Absent subscriber)",
            "10 reported to MoEngage: FAILED (eightx8_undelivered_1)",
        ],
    ),
    "opted out": (
        failed("opted_out", "The recipient asked not to be texted"),
        [
            "0 accepted from MoEngage",
            "1 failed: The recipient asked not to be texted",
            "7 reported to MoEngage: FAILED (opted_out)",
        ],
    ),
    "expired, after three attempts": (
        {
            **failed("expired", "The message could not be sent within its time to live"),
            "attempt": 3,
        },
        [
            "0 accepted from MoEngage",
            "1 failed (attempt 3): The message could not be sent within its time to live",
            "7 reported to MoEngage: FAILED (expired)",
        ],
    ),
    "waiting for its first attempt": (
        {"state": State.WAITING, "attempt": 0, "attempt_at": 0.0},
        [
            "0 accepted from MoEngage",
            "0 not sent yet; it waits in the send queue, until 2026-11-24 10:30 at most",
        ],
    ),
    "throttled": (
        {
            "state": State.WAITING,
            "answered_at": at(1),
            "reason": "eightx8_throttled",
            "description": "8x8's rate limit was reached",
        },
        [
            "0 accepted from MoEngage",
            "1 not sent yet: 8x8's rate limit was reached; it waits in the send queue, until "
            "2026-11-24 10:30 at most",
        ],
    ),
    "being sent again": (
        {
            "state": State.SENDING,
            "attempt": 2,
            "attempt_at": at(6),
            "answered_at": at(1),
            "reason": "eightx8_throttled",
            "description": "8x8's rate limit was reached",
        },
        [
            "0 accepted from MoEngage",
            "1 not sent yet: 8x8's rate limit was reached",
            "6 handed to 8x8 (attempt 2)",
            "6 no receipt has come yet",
        ],
    ),
    "taken at the second attempt": (
        {"state": State.QUEUED, "attempt": 2, "attempt_at": at(6), "answered_at": at(7)},
        ["0 accepted from MoEngage", "7 8x8 accepted it (attempt 2)"],
    ),
    "unknown": (
        {
            "state": State.UNKNOWN,
            "answered_at": at(4),
            "ambiguous_since": at(4),
            "reason": "eightx8_timeout",
            "description": "8x8 did not answer in time",
        },
        [
            "0 accepted from MoEngage",
            "4 ambiguous whether 8x8 accepted it: 8x8 did not answer in time",
        ],
    ),
    "unknown, and sent again": (
        {
            "state": State.WAITING,
            "answered_at": at(4),
            "ambiguous_since": at(4),
            "reason": "eightx8_timeout",
            "description": "8x8 did not answer in time",
        },
        [
            "0 accepted from MoEngage",
            "4 ambiguous whether 8x8 accepted it: 8x8 did not answer in time; it waits in the send "
            "queue, until 2026-11-24 10:30 at most",
        ],
    ),
    "unknown, until a receipt came": (
        {
            "state": State.DELIVERED,
            "answered_at": at(4),
            "ambiguous_since": at(4),
            "reason": "eightx8_timeout",
            "description": "8x8 did not answer in time",
            "receipts": (a_word("delivered", 9),),
            **outcome(DELIVERED, outcome_reported_at=at(10)),
        },
        [
            "0 accepted from MoEngage",
            "4 ambiguous whether 8x8 accepted it: 8x8 did not answer in time",
            "9 delivered to the phone",
            "10 reported to MoEngage: DELIVERED",
        ],
    ),
    "unknown to the end": (
        failed("unknown", "Nothing tells whether 8x8 had the message"),
        [
            "0 accepted from MoEngage",
            "1 failed: Nothing tells whether 8x8 had the message",
            "7 reported to MoEngage: FAILED (unknown)",
        ],
    ),
    "no receipt to the end": (
        {
            "state": State.SENT,
            "answered_at": at(1),
            "receipts": (a_word("sent", 3),),
            **outcome(
                Outcome(OutcomeStatus.FAILED, "no_receipt", "8x8 never sent a final receipt"),
                outcome_reported_at=at(10),
            ),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "3 given to the operator",
            "9 8x8 never sent a final receipt",
            "10 reported to MoEngage: FAILED (no_receipt)",
        ],
    ),
    "MoEngage is down": (
        {
            "state": State.DELIVERED,
            "answered_at": at(1),
            "receipts": (a_word("delivered", 9),),
            **outcome(
                DELIVERED,
                outcome_tries=3,
                outcome_next_try_at=seconds_of("2026-11-24T09:45:00.000Z"),
            ),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "9 delivered to the phone",
            "9 to be reported to MoEngage: DELIVERED; it failed 3 times and is tried again at "
            "2026-11-24 09:45",
        ],
    ),
    "given up": (
        {
            "state": State.DELIVERED,
            "answered_at": at(1),
            "receipts": (a_word("delivered", 9),),
            **outcome(DELIVERED, outcome_given_up="moengage_404", outcome_given_up_at=at(15)),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "9 delivered to the phone",
            "15 gave up reporting to MoEngage: DELIVERED, because of moengage_404; "
            "sms-bridge replay reports it again",
        ],
    ),
    "replayed": (
        {
            "state": State.DELIVERED,
            "answered_at": at(1),
            "receipts": (a_word("delivered", 9),),
            **outcome(DELIVERED),
        },
        [
            "0 accepted from MoEngage",
            "1 8x8 accepted it",
            "9 delivered to the phone",
            "9 to be reported to MoEngage: DELIVERED",
        ],
    ),
    "a receipt before the answer": (
        {
            "state": State.DELIVERED,
            "answered_at": at(2),
            "receipts": (a_word("delivered", 1),),
            **outcome(DELIVERED, outcome_due_at=at(1), outcome_reported_at=at(7)),
        },
        [
            "0 accepted from MoEngage",
            "1 delivered to the phone",
            "2 8x8 accepted it",
            "7 reported to MoEngage: DELIVERED",
        ],
    ),
    "a reply of the bridge's own": (
        {
            "state": State.DELIVERED,
            "reply_to": UMID,
            "receipts": (a_word("sent", 3), a_word("delivered", 9)),
            **outcome(DELIVERED),
        },
        [
            f"0 the bridge's reply to the recipient's SMS {UMID}",
            "0 handed to 8x8",
            "3 given to the operator",
            "9 delivered to the phone",
        ],
    ),
    "a word that 8x8 does not document": (
        {"state": State.QUEUED, "answered_at": at(1), "receipts": (a_word("teleported", 2),)},
        ["0 accepted from MoEngage", "1 8x8 accepted it", "2 8x8 reports teleported"],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_the_timeline_says_what_happened(name: str) -> None:
    facts, timeline = TIMELINES[name]
    message = a_message(**{"accepted_at": at(0), "attempt_at": at(0), **facts})

    assert reported(message) == timeline
    assert NUMBER.removeprefix("+") not in str(timeline_of(message))


def test_of_a_message_that_the_bridge_did_not_send_only_receipts_are_shown() -> None:
    foreign = Message(id=f"umid {UMID}", state=State.SENT, receipts=(a_word("sent", 3),))

    assert reported(foreign) == ["3 given to the operator"]
