"""What has got stuck, and what is to be done about it."""

from enum import StrEnum

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import FINAL, State
from sms_bridge.values import value

# Nothing is early enough for the send queue to have been slow only.
_SECONDS_AFTER_EXPIRY = 120

# The queue tells an outcome well within this time after it was due.
_SECONDS_UNTIL_AN_OUTCOME_IS_STUCK = 900

# A message that 8x8 took so much later than this one, and that its log shows, proves that the log
# has got that far. Clocks differ, and 8x8 does not document how its log is written. Most messages
# in state `sending` were taken (that is not written down), so more is asked for there.
SECONDS_OF_PROOF = {State.UNKNOWN: 300, State.SENDING: 900}


class Finding(StrEnum):
    """What is wrong with a message."""

    NEVER_SENT = "never_sent"
    """Its time to live is over while it waited."""
    OUTCOME_STUCK = "outcome_stuck"
    """The outcome is due and nobody tells it."""
    ASK = "ask"
    """Only 8x8 can tell what became of it."""
    OVERDUE = "overdue"
    """8x8 will not tell any more: the operator's choice decides."""


class UnresolvedPolicy(StrEnum):
    """What to do with a message of which 8x8's log tells nothing certain."""

    REPORT = "report"
    """Report it as failed."""
    LEAVE = "leave"
    """Report nothing."""


class AbsentPolicy(StrEnum):
    """What to do with a message that 8x8 is proven not to have."""

    RESEND = "resend"
    """Send it, while its time to live lasts."""
    REPORT = "report"
    """Report it as failed."""
    LEAVE = "leave"
    """Leave it to a person."""


class MissingReceiptPolicy(StrEnum):
    """What to tell MoEngage of a message whose final receipt never came."""

    FAILED = "failed"
    DELIVERED = "delivered"
    NOTHING = "nothing"


@value(kw_only=True)
class Timeouts:
    """For how long to wait, in seconds.

    Attributes
    ----------
    unknown
        For a receipt of a message in state ``sending`` or ``unknown``, before 8x8 is asked.
    unsettled
        For 8x8's log to tell something certain of it.
    receipt
        For the final receipt of a message that 8x8 took.
    """

    unknown: int
    unresolved: int
    receipt: int


def finding_of(message: Message, now: float, timeouts: Timeouts) -> Finding | None:
    """Return what is wrong with a message, ``None`` when it is on its way.

    Parameters
    ----------
    now
        Seconds since the epoch.
    """
    if message.outcome:
        due_at = max(message.outcome_due_at, message.outcome_next_try_at)
        stuck = message.outcome_is_open and _age(due_at, now) > _SECONDS_UNTIL_AN_OUTCOME_IS_STUCK
        return Finding.OUTCOME_STUCK if stuck else None
    match message.state:
        case State.WAITING:
            expired = _age(message.send_before, now) > _SECONDS_AFTER_EXPIRY
            return Finding.NEVER_SENT if expired else None
        case State.SENDING | State.UNKNOWN:
            age = _age(message.attempt_at, now)
            if age > timeouts.unresolved:
                return Finding.OVERDUE
            return Finding.ASK if age > timeouts.unknown else None
        case state if state not in FINAL:
            age = _age(message.accepted_at, now)
            if age > timeouts.receipt + timeouts.unresolved:
                return Finding.OVERDUE
            return Finding.ASK if age > timeouts.receipt else None
    return None


def is_proven_absent(message: Message, newest_in_log: float) -> bool:
    """Tell whether 8x8's log would show a message by now if 8x8 had it.

    Parameters
    ----------
    newest_in_log
        When the newest message that the log shows was taken, seconds since the epoch.
    """
    needed = SECONDS_OF_PROOF.get(message.state, float("inf"))
    return newest_in_log > seconds_of(message.attempt_at) + needed


def outcome_of_missing_receipt(policy: MissingReceiptPolicy) -> Outcome | None:
    """Return what MoEngage is told of a message whose final receipt never came."""
    match policy:
        case MissingReceiptPolicy.DELIVERED:
            return Outcome(OutcomeStatus.DELIVERED)
        case MissingReceiptPolicy.FAILED:
            return Outcome(OutcomeStatus.FAILED, "no_receipt", "8x8 never told what became of it")
        case MissingReceiptPolicy.NOTHING:
            return None


def _age(moment: str, now: float) -> float:
    return now - seconds_of(moment) if moment else float("inf")
