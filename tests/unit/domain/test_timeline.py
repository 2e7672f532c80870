"""A message's timeline, as the support desk reads it."""

from typing import Any

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, Receipt, State
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
NO_RECEIPT = Outcome(OutcomeStatus.FAILED, "no_receipt", "8x8 never sent a final receipt")

ACCEPTED = "0 accepted from MoEngage"
HANDED_OVER = "0 handed to 8x8"
TAKEN = "1 8x8 accepted it"
ON_THE_PHONE = "9 delivered to the phone"
REPORTED = "10 reported to MoEngage: DELIVERED"
WAITS = "; it waits in the send queue, until 2026-11-24 10:30 at most"


def ended(reason: str, description: str, **changes: Any) -> dict[str, Any]:
    """Return what an attempt leaves that failed for good."""
    outcome = Outcome(OutcomeStatus.FAILED, reason, description)
    times = {"answered_at": at(1), "outcome_due_at": at(1), "outcome_reported_at": at(7)}
    words = {"reason": reason, "description": description}
    return {"state": State.FAILED, "outcome": outcome, **words, **times, **changes}


def delivered(*receipts: Receipt, **changes: Any) -> dict[str, Any]:
    """Return what the receipts leave, of which the last was "delivered"."""
    receipts = (*receipts, a_word("delivered", 9))
    outcome = {"outcome": DELIVERED, "outcome_due_at": at(9)}
    return {"state": State.DELIVERED, "receipts": receipts, **outcome, **changes}


def answered(state: State, second: float, why: str, **changes: Any) -> dict[str, Any]:
    """Return what an attempt leaves that did not end well, for a reason."""
    words = {"reason": "a_code", "description": why}
    return {"state": state, "answered_at": at(second), **words, **changes}


THROTTLED = "8x8's rate limit was reached"
TIMEOUT: dict[str, Any] = {
    "why": "8x8 did not answer in time",
    "second": 4,
    "ambiguous_since": at(4),
}
AMBIGUOUS = "4 ambiguous whether 8x8 accepted it: 8x8 did not answer in time"
EXPIRED = "The message could not be sent within its time to live"

TIMELINES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all the way": (
        delivered(
            *(a_word("queued", 2), a_word("sent", 3)),
            answered_at=at(1),
            description="SMS is accepted and queued by 8x8",
            outcome_reported_at=at(10),
        ),
        [ACCEPTED, TAKEN, "2 8x8 queued it", "3 given to the operator", ON_THE_PHONE, REPORTED],
    ),
    "all the way, with 8x8's yes not written down": (
        delivered(a_word("queued", 2), outcome_reported_at=at(10)),
        [ACCEPTED, HANDED_OVER, "2 8x8 queued it", ON_THE_PHONE, REPORTED],
    ),
    "handed over, and nothing heard yet": (
        {"state": State.SENDING},
        [ACCEPTED, HANDED_OVER, "0 no receipt has come yet"],
    ),
    "not delivered": (
        {
            "state": State.UNDELIVERED,
            "answered_at": at(1),
            "receipts": (
                a_word("undelivered", 4, state=State.DEFERRED, error_code="22"),
                a_word("undelivered", 9, error_code="1", error_message="Absent subscriber"),
            ),
            "outcome": ABSENT,
            "outcome_due_at": at(9),
            "outcome_reported_at": at(10),
        },
        [
            ACCEPTED,
            TAKEN,
            "4 not delivered yet, the operator goes on trying (error 22)",
            "9 not delivered (Absent subscriber)",
            "10 reported to MoEngage: FAILED (eightx8_undelivered_1)",
        ],
    ),
    "opted out": (
        ended("opted_out", "The recipient asked not to be texted"),
        [
            ACCEPTED,
            "1 failed: The recipient asked not to be texted",
            "7 reported to MoEngage: FAILED (opted_out)",
        ],
    ),
    "expired, after three attempts": (
        ended("expired", EXPIRED, attempt=3),
        [
            ACCEPTED,
            f"1 failed (attempt 3): {EXPIRED}",
            "7 reported to MoEngage: FAILED (expired)",
        ],
    ),
    "waiting for its first attempt": (
        {"state": State.WAITING, "attempt": 0, "attempt_at": 0.0},
        [ACCEPTED, f"0 not sent yet{WAITS}"],
    ),
    "throttled": (
        answered(State.WAITING, 1, THROTTLED),
        [ACCEPTED, f"1 not sent yet: {THROTTLED}{WAITS}"],
    ),
    "being sent again": (
        answered(State.SENDING, 1, THROTTLED, attempt=2, attempt_at=at(6)),
        [
            ACCEPTED,
            f"1 not sent yet: {THROTTLED}",
            "6 handed to 8x8 (attempt 2)",
            "6 no receipt has come yet",
        ],
    ),
    "taken at the second attempt": (
        {"state": State.QUEUED, "attempt": 2, "attempt_at": at(6), "answered_at": at(7)},
        [ACCEPTED, "7 8x8 accepted it (attempt 2)"],
    ),
    "unknown": (answered(State.UNKNOWN, **TIMEOUT), [ACCEPTED, AMBIGUOUS]),
    "unknown, and sent again": (
        answered(State.WAITING, **TIMEOUT),
        [ACCEPTED, f"{AMBIGUOUS}{WAITS}"],
    ),
    "unknown, until a receipt came": (
        answered(**TIMEOUT, **delivered(outcome_reported_at=at(10))),
        [ACCEPTED, AMBIGUOUS, ON_THE_PHONE, REPORTED],
    ),
    "no receipt to the end": (
        {
            "state": State.SENT,
            "answered_at": at(1),
            "receipts": (a_word("sent", 3),),
            "outcome": NO_RECEIPT,
            "outcome_due_at": at(9),
            "outcome_reported_at": at(10),
        },
        [
            ACCEPTED,
            TAKEN,
            "3 given to the operator",
            "9 8x8 never sent a final receipt",
            "10 reported to MoEngage: FAILED (no_receipt)",
        ],
    ),
    "MoEngage is down": (
        delivered(
            answered_at=at(1),
            outcome_tries=3,
            outcome_next_try_at=seconds_of("2026-11-24T09:45:00.000Z"),
        ),
        [
            ACCEPTED,
            TAKEN,
            ON_THE_PHONE,
            "9 to be reported to MoEngage: DELIVERED; it failed 3 times and is tried again at "
            "2026-11-24 09:45",
        ],
    ),
    "given up": (
        delivered(answered_at=at(1), outcome_given_up="moengage_404", outcome_given_up_at=at(15)),
        [
            ACCEPTED,
            TAKEN,
            ON_THE_PHONE,
            "15 gave up reporting to MoEngage: DELIVERED, because of moengage_404; "
            "sms-bridge replay reports it again",
        ],
    ),
    "replayed": (
        delivered(answered_at=at(1)),
        [ACCEPTED, TAKEN, ON_THE_PHONE, "9 to be reported to MoEngage: DELIVERED"],
    ),
    "a receipt before the answer": (
        delivered(answered_at=at(10), outcome_reported_at=at(11)),
        [ACCEPTED, ON_THE_PHONE, "10 8x8 accepted it", "11 reported to MoEngage: DELIVERED"],
    ),
    "a reply of the bridge's own": (
        delivered(a_word("sent", 3), reply_to=UMID),
        [
            f"0 the bridge's reply to the recipient's SMS {UMID}",
            HANDED_OVER,
            "3 given to the operator",
            ON_THE_PHONE,
        ],
    ),
    "a word that 8x8 does not document": (
        {"state": State.QUEUED, "answered_at": at(1), "receipts": (a_word("teleported", 2),)},
        [ACCEPTED, TAKEN, "2 8x8 reports teleported"],
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
