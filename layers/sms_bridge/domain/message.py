"""A message: what was asked for, where it stands, what 8x8 says of it, what the bridge knows.

.. code-block:: text

    waiting <--> sending --> queued --> sent --> deferred --> undelivered --.
       |            |          |          |                       |          |
       |            |          '----------+------> rejected ------+----------+--> delivered --> read
       |            |--> unknown  (8x8 may or may not have it; a receipt or 8x8's log decides)
       '------------'--> failed   (8x8 does not have it and will not get it)

A state may be skipped and never comes back: receipts arrive late, twice and out of order. The one
way back is from ``sending`` or ``unknown`` to ``waiting``, and it is open only to proof that 8x8
does not have the message.
"""

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    WAITING = "waiting"  # in the send queue; 8x8 does not have it
    SENDING = "sending"  # the request to 8x8 is on its way
    UNKNOWN = "unknown"  # ambiguous: the request was written, and 8x8 may have it
    FAILED = "failed"  # 8x8 does not have it and will not get it
    QUEUED = "queued"  # 8x8 accepted it
    SENT = "sent"  # given to the operator
    DEFERRED = "deferred"  # not delivered yet; the operator goes on trying
    REJECTED = "rejected"  # refused by 8x8 or the operator
    UNDELIVERED = "undelivered"  # not delivered, for good as far as the operator says
    DELIVERED = "delivered"  # on the recipient's phone
    READ = "read"  # seen by the recipient


NOT_WITH_8X8 = frozenset({State.WAITING, State.SENDING, State.UNKNOWN})
"""States in which neither an answer nor a receipt says that 8x8 has the message."""

_UNDER_WAY = NOT_WITH_8X8 | {State.QUEUED, State.SENT, State.DEFERRED}

MAY_REPLACE: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.SENDING, State.UNKNOWN}),
    State.SENDING: frozenset({State.WAITING}),
    State.UNKNOWN: frozenset({State.SENDING}),
    State.FAILED: NOT_WITH_8X8,
    State.QUEUED: NOT_WITH_8X8,
    State.SENT: NOT_WITH_8X8 | {State.QUEUED},
    State.DEFERRED: NOT_WITH_8X8 | {State.QUEUED, State.SENT},
    State.REJECTED: _UNDER_WAY,
    State.UNDELIVERED: _UNDER_WAY,
    # What is on the phone is on the phone, whatever was thought before.
    State.DELIVERED: _UNDER_WAY | {State.FAILED, State.REJECTED, State.UNDELIVERED},
    State.READ: frozenset(State) - {State.READ},
}
"""For each state, the states it may replace."""

FINAL = frozenset({State.FAILED, State.REJECTED, State.UNDELIVERED, State.DELIVERED, State.READ})
"""States with an outcome. A later receipt may still turn a failure into ``delivered``."""


class MessageType(StrEnum):
    """What a message is for. Transactional ones have a queue of their own."""

    TRANSACTIONAL = "transactional"
    PROMOTIONAL = "promotional"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MessageRequest:
    """A message that a caller wants sent, checked. No ``repr`` can carry number or text."""

    sub_account_id: str
    destination: str
    """As the caller wrote it, with or without ``+``."""
    text: str
    message_type: MessageType = MessageType.PROMOTIONAL
    source: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    """8x8's optional fields (``country``, ``encoding``, ``scheduled``, ...), passed through."""
    callback_url: str = ""
    """The bridge's own, for receipts, unless the caller has one among the options."""
    client_message_id: str | None = None
    """The caller's own id, given back in the answer. 8x8 gets the bridge's id instead."""
    idempotency_key: str | None = None
    campaign_id: str | None = None
    dlt_template_id: str | None = None

    @property
    def country(self) -> str:
        """The country whose national number the destination may be, or empty."""
        return self.options.get("country", "")

    @property
    def is_scheduled(self) -> bool:
        return "scheduled" in self.options


class OutcomeStatus(StrEnum):
    """A status in MoEngage's delivery tracking: its list of success values holds ``DELIVERED``."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outcome:
    """The final outcome of a message, as it is reported to MoEngage."""

    status: OutcomeStatus
    reason: str = ""
    """A stable code, empty when delivered; the description is the same for people."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Receipt:
    umid: str
    client_message_id: str
    sub_account_id: str
    state: State | None
    """``None`` where the bridge does not know 8x8's word for it."""
    eightx8_state: str
    detail: str = ""
    """8x8's own words."""
    at: str = ""
    """When the state changed by 8x8's clock, as 8x8 wrote it."""
    received_at: float = 0.0
    """Seconds since the epoch."""
    error_code: str = ""
    error_message: str = ""
    price: str = ""
    """For all segments, as a decimal number; empty when nothing was charged."""
    currency: str = ""
    segments: int = 0

    @property
    def key(self) -> str:
        """Tell receipts of one message apart; a receipt that 8x8 repeats has the same key."""
        return " ".join((self.at, self.eightx8_state, self.detail, self.error_code)).strip()

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that it brings, ``None`` while it is not final."""
        if self.state not in FINAL:
            return None
        if self.state in (State.DELIVERED, State.READ):
            return Outcome(OutcomeStatus.DELIVERED)
        reason = f"eightx8_{self.state}" + (f"_{self.error_code}" if self.error_code else "")
        description = self.error_message or self.detail.replace("_", " ")
        return Outcome(OutcomeStatus.FAILED, reason, description)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Message:
    """What the bridge knows about a message. Times are seconds since the epoch, 0 is "not yet"."""

    id: str
    """The bridge's id: 8x8 gets it as ``clientMessageId``, callers and MoEngage as ``umid``."""
    state: State
    message_type: MessageType = MessageType.PROMOTIONAL
    claimed_by: str = ""
    """Tells the request that created it from its repeats."""
    closes_window: bool = False
    """It is no message but closes a window of claims (see ``sms_bridge.domain.duplicates``)."""
    sub_account_id: str = ""
    destination: str = ""
    recipient_hash: str = ""
    source: str = ""
    client_message_id: str = ""
    campaign_id: str = ""
    dlt_template_id: str = ""
    reply_to: str = ""
    """8x8's id of the inbound SMS that the bridge answers with it: MoEngage hears no outcome."""
    encoding: str = ""
    segments: int = 0
    """The bridge's estimate until 8x8 says it."""
    umid: str = ""
    """8x8's id."""
    reason: str = ""
    description: str = ""
    eightx8_code: str = ""
    eightx8_error_id: str = ""
    accepted_at: float = 0.0
    """When the request arrived; 0 for a message that others sent through the account."""
    scheduled_at: float = 0.0
    """For when the caller asked 8x8 to send it. Timeouts and the time to live count from then."""
    send_before: float = 0.0
    """When its time to live is over: it must not be sent any more."""
    attempt: int = 0
    """How often sending it was begun. Who began it last may say what came of it."""
    attempt_at: float = 0.0
    answered_at: float = 0.0
    """When 8x8's answer, or the lack of one, was known."""
    ambiguous_since: float = 0.0
    """When an attempt last ended as ambiguous: 8x8 may have the message."""
    log_silent_since: float = 0.0
    """Since when 8x8's log is asked about it without an answer."""
    log_answered_at: float = 0.0
    """When the log was read and did not say what became of it."""
    outcome: Outcome | None = None
    outcome_due_at: float = 0.0
    outcome_reported_at: float = 0.0
    outcome_tries: int = 0
    """How often reporting it has failed."""
    outcome_next_try_at: float = 0.0
    outcome_lease_owner: str = ""
    """Who alone may report it."""
    outcome_lease_until: float = 0.0
    outcome_given_up: str = ""
    """Why it was moved to the dead-letter queue."""
    outcome_given_up_at: float = 0.0
    receipts: tuple[Receipt, ...] = ()
    clicks: tuple[float, ...] = ()
    """When its links were opened, 0 in doubt."""

    @property
    def outcome_is_open(self) -> bool:
        """Whether the outcome still has to be reported to MoEngage."""
        has_report = self.outcome and self.accepted_at and not self.reply_to
        return bool(has_report and not self.outcome_reported_at and not self.outcome_given_up)

    @property
    def is_answered(self) -> bool:
        """Whether no attempt was begun since the last recorded answer."""
        return self.answered_at >= self.attempt_at


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_id() -> str:
    return id_of(os.urandom(16).hex())


def id_of(digits: str) -> str:
    """Return 32 hexadecimal digits in the form of an id."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def is_message_id(text: str) -> bool:
    """Tell whether a text has the form of the bridge's ids: receipts may name those of others."""
    return _ID.fullmatch(text) is not None


class Position(NamedTuple):
    """A message's place among others, by when it was accepted."""

    accepted_at: float
    message_id: str

    @classmethod
    def of(cls, message: Message) -> "Position":
        return cls(message.accepted_at, message.id)
