"""Which messages are stuck, and what to do about them."""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sms_bridge.domain.message import FINAL, Message, Receipt, State

if TYPE_CHECKING:
    from sms_bridge.settings import ReconcileSettings

# The send queue may be slow.
_SECONDS_AFTER_EXPIRY = 120

_SECONDS_UNTIL_AN_OUTCOME_IS_STUCK = 900

# If 8x8's log shows a message that was created so much later than this one, the log has got that
# far. Clocks differ, and 8x8 does not document how its log is written. Most messages in state
# `sending` were accepted (that is not written down), so more is asked for there.
SECONDS_OF_PROOF = {State.UNKNOWN: 300, State.SENDING: 900}

_HOUR, _DAY = 3600, 86_400

SECONDS_OF_SILENCE = 7 * _DAY
"""So long a log that never answers is asked. By then 8x8's support will have been asked."""


class Finding(StrEnum):
    NEVER_SENT = "never_sent"  # its time to live ended while it waited
    OUTCOME_STUCK = "outcome_stuck"  # it is due and nobody reports it
    ASK = "ask"  # 8x8's log has to be asked what became of it
    OVERDUE = "overdue"  # the log was asked and did not say it in time
    OVER = "over"  # a reply of the bridge's own has its outcome: nothing is wrong
    LOG_SILENT = "log_silent"  # the log was asked for a week and never answered
    UNREADABLE = "unreadable"  # its item cannot be read, so nothing is done about it


def finding_of(message: Message, now: float, settings: "ReconcileSettings") -> Finding | None:
    """Return what is wrong with a message, ``None`` when it is on its way."""
    if message.outcome and message.reply_to:
        return Finding.OVER
    if message.outcome:
        turn = max(message.outcome_due_at, message.outcome_next_try_at, message.outcome_lease_until)
        is_stuck = message.outcome_is_open and now - turn > _SECONDS_UNTIL_AN_OUTCOME_IS_STUCK
        return Finding.OUTCOME_STUCK if is_stuck else None
    if message.state is State.WAITING:
        is_expired = now - message.send_before > _SECONDS_AFTER_EXPIRY
        return Finding.NEVER_SENT if is_expired else None
    if message.state in FINAL or now <= _asked_from(message, settings):
        return None
    has_time = now <= message.log_answered_at + settings.unresolved_timeout_seconds
    return Finding.ASK if has_time or needs_log_answer(message, settings) else Finding.OVERDUE


def needs_log_answer(message: Message, settings: "ReconcileSettings") -> bool:
    """Return whether no answer of the log has started the time for the message to be resolved."""
    return message.log_answered_at <= _asked_from(message, settings)


def seconds_of_silence(message: Message, now: float, settings: "ReconcileSettings") -> float:
    """Return for how long the log is asked about a message without an answer."""
    since = message.log_silent_since
    is_silent = since > max(_asked_from(message, settings), message.log_answered_at)
    return now - since if is_silent else 0.0


def _asked_from(message: Message, settings: "ReconcileSettings") -> float:
    # A scheduled message is waited for from its time on.
    if message.state in SECONDS_OF_PROOF:
        return _begun_at(message) + settings.unknown_timeout_seconds
    return max(message.accepted_at, message.scheduled_at) + settings.receipt_timeout_seconds


def _begun_at(message: Message) -> float:
    return max(message.attempt_at or message.accepted_at, message.scheduled_at)


def is_proven_absent(message: Message, newest_in_log: float) -> bool:
    """Return whether the log, whose newest message was created then, would show a message."""
    needed = SECONDS_OF_PROOF.get(message.state, float("inf"))
    return newest_in_log > _begun_at(message) + needed


def span_to_look_at(scheduled_at: float, now: float, unknown_timeout: int) -> tuple[float, float]:
    """Return when messages were accepted that a run looks at: from when on, and until when.

    A look costs. So a scheduled run looks at the last hour, for a quarter of each hour at a day,
    and for an hour of each day at all: long enough to ask for an export of the log and to read it.
    A run that was not scheduled (0) looks at all. With the youngest nothing can be wrong yet.
    """
    until = now - min(300, unknown_timeout)
    if scheduled_at % _DAY < _HOUR:
        return 0.0, until
    is_time_for_a_day = scheduled_at % _HOUR < _HOUR / 4
    return scheduled_at - (_DAY + _HOUR if is_time_for_a_day else _HOUR), until


class ExportJob(NamedTuple):
    """An export that 8x8 was asked for; it covers the time from ``since`` to ``asked_at``."""

    sub_account_id: str
    job_id: str
    since: float
    asked_at: float


class LogExport(NamedTuple):
    """What an export of 8x8's log shows of some messages."""

    receipts: dict[str, Receipt]
    """By the bridge's ids, what the log says of a message, as a receipt would."""
    newest: float
    """When the newest message was created of the rows that prove how far it has got, or 0."""
