"""A message: what was asked for, what 8x8 says of it, and what the bridge knows."""

import os
import re
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum

from sms_bridge.domain.state import State
from sms_bridge.json_text import ascii_json_text
from sms_bridge.values import value


class MessageType(StrEnum):
    """What a message is for. Transactional messages have a lane of their own."""

    TRANSACTIONAL = "transactional"
    PROMOTIONAL = "promotional"


Sms = str
"""A message as 8x8 takes it: a ``SmsRequest`` (its OpenAPI file) in JSON."""


@value(kw_only=True)
class MessageRequest:
    """A message that a caller wants sent, checked and named as 8x8 names it.

    Number and text never show in a ``repr``, so that no traceback can carry them.

    Attributes
    ----------
    destination
        As the caller wrote it, with or without ``+``.
    options
        8x8's optional fields (``country``, ``encoding``, ``scheduled``, ...), passed through.
    client_message_id
        The caller's own id, given back in the answer. 8x8 gets the bridge's id instead.
    idempotency_key
        Value of the ``Idempotency-Key`` header.
    """

    sub_account_id: str
    destination: str = field(repr=False)
    text: str = field(repr=False)
    message_type: MessageType = MessageType.PROMOTIONAL
    source: str | None = None
    options: dict[str, str] = field(default_factory=dict, repr=False)
    client_message_id: str | None = None
    idempotency_key: str | None = None
    campaign_id: str | None = None
    dlt_template_id: str | None = None

    @property
    def is_scheduled(self) -> bool:
        """Whether 8x8 is to send it later."""
        return "scheduled" in self.options

    def sms(self, message_id: str) -> Sms:
        """Return what 8x8 is to get, with the bridge's id, which comes back in each receipt."""
        fields = {"destination": self.destination, "text": self.text, **self.options}
        if self.source:
            fields["source"] = self.source
        return ascii_json_text({**fields, "clientMessageId": message_id})


class OutcomeStatus(StrEnum):
    """What MoEngage's delivery tracking hears: its success values list holds ``DELIVERED``."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@value()
class Outcome:
    """The final outcome of a message, as MoEngage is told it.

    Attributes
    ----------
    status
        Delivered or failed: MoEngage knows nothing else.
    reason
        A stable code, empty when delivered.
    description
        The same for people.
    """

    status: OutcomeStatus
    reason: str = ""
    description: str = ""


@value(kw_only=True)
class Receipt:
    """One of 8x8's delivery receipts.

    Attributes
    ----------
    state
        The state it reports, ``None`` where the bridge does not know 8x8's word for it.
    eightx8_state, detail
        8x8's own words.
    at
        When the state changed by 8x8's clock, as 8x8 wrote it.
    received_at
        When the bridge got it, ISO 8601 UTC.
    price, currency
        What 8x8 charged for all segments, as a decimal number; empty when nothing was charged.
    """

    umid: str
    client_message_id: str
    sub_account_id: str
    state: State | None
    eightx8_state: str
    detail: str = ""
    at: str = ""
    received_at: str = ""
    error_code: str = ""
    error_message: str = ""
    price: str = ""
    currency: str = ""
    segments: int = 0

    @property
    def key(self) -> str:
        """Tell receipts of one message apart; a receipt that 8x8 repeats has the same key."""
        return " ".join((self.at, self.eightx8_state, self.detail, self.error_code)).strip()


@value(kw_only=True)
class InboundMessage:
    """An SMS that a person sent to one of the account's numbers.

    Attributes
    ----------
    received_at
        When the bridge got it, ISO 8601 UTC.
    """

    umid: str
    sub_account_id: str
    source: str = field(repr=False)
    destination: str
    text: str = field(repr=False)
    encoding: str = ""
    segments: int = 0
    sent_at: str = ""
    received_at: str = ""


@value(kw_only=True)
class UnknownEvent:
    """A callback that the bridge does not understand, kept as it came.

    Attributes
    ----------
    key
        The same for an event that 8x8 repeats.
    """

    key: str
    event_type: str
    content: str = field(repr=False)


@value(kw_only=True)
class Message:
    """What the bridge knows about a message.

    All times are ISO 8601 in UTC with milliseconds; an empty string means "not yet".

    Attributes
    ----------
    id
        The bridge's id: 8x8 gets it as ``clientMessageId``, MoEngage as ``messageId``.
    claimed_by
        Tells the request that created it from its repeats.
    ends_a_chain
        It is no message but closes a chain of them (see ``sms_bridge.domain.duplicates``).
    recipient_hash
        Stands for the recipient, so that one person's messages can be found.
    send_before
        When its time to live is over: it must not be sent any more.
    attempt, attempt_at
        How often sending it was begun, and when last. Whoever began an attempt may say what came
        of it; a later attempt takes that right.
    accepted_at
        When the request arrived. Empty for a message that the bridge never sent (8x8's webhook
        of an account reports those, too).
    answered_at
        When 8x8's answer, or the lack of one, was known.
    ambiguous_since
        When an attempt last ended without anybody knowing whether 8x8 has the message.
    encoding, segments
        8x8's finding, or the bridge's estimate until there is one.
    outcome, outcome_due_at, outcome_reported_at
        What MoEngage is to hear, since when, and when it heard.
    outcome_tries, outcome_next_try_at
        How often telling it has failed, and when it is told again.
    outcome_given_up, outcome_given_up_at
        Why it was moved to the dead-letter queue, and when.
    """

    id: str
    state: State
    message_type: MessageType = MessageType.PROMOTIONAL
    claimed_by: str = ""
    ends_a_chain: bool = False
    sub_account_id: str = ""
    destination: str = field(default="", repr=False)
    recipient_hash: str = ""
    source: str = ""
    client_message_id: str = ""
    campaign_id: str = ""
    dlt_template_id: str = ""
    encoding: str = ""
    segments: int = 0
    umid: str = ""
    reason: str = ""
    description: str = ""
    eightx8_code: str = ""
    eightx8_error_id: str = ""
    accepted_at: str = ""
    send_before: str = ""
    attempt: int = 0
    attempt_at: str = ""
    answered_at: str = ""
    ambiguous_since: str = ""
    outcome: Outcome | None = None
    outcome_due_at: str = ""
    outcome_reported_at: str = ""
    outcome_tries: int = 0
    outcome_next_try_at: str = ""
    outcome_given_up: str = ""
    outcome_given_up_at: str = ""
    receipts: tuple[Receipt, ...] = ()

    @property
    def outcome_is_open(self) -> bool:
        """Whether MoEngage still has to hear what became of it."""
        return bool(
            self.outcome
            and self.accepted_at
            and not self.outcome_reported_at
            and not self.outcome_given_up
        )

    @property
    def is_answered(self) -> bool:
        """Whether no attempt was begun since the last answer that was written down."""
        return self.answered_at >= self.attempt_at


NewId = Callable[[], str]
"""Makes an id; tests pass one that they can foretell."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_id() -> str:
    """Return a new random id."""
    return id_of(os.urandom(16).hex())


def id_of(digits: str) -> str:
    """Return 32 hexadecimal digits in the form of an id."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def is_message_id(text: str) -> bool:
    """Tell whether a text has the form of the bridge's ids.

    A webhook of an 8x8 account also reports messages that others sent, with ids of their own.
    """
    return _ID.fullmatch(text) is not None
