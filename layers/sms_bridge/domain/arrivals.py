"""What arrives beside requests: 8x8's callbacks, and what comes out of the queues.

Times are seconds since the epoch.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sms_bridge.domain.message import Message, MessageRequest
from sms_bridge.domain.opt_out import OptRequest

# The time in a START that cannot be relied on counts as so much earlier than its arrival, so that
# a STOP which overtook it wins. 8x8 repeats a callback for 131 seconds.
_SECONDS_OF_DOUBT = 300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class InboundMessage:
    """An SMS that a person sent to one of the account's numbers."""

    umid: str
    sub_account_id: str
    source: str
    destination: str
    text: str
    encoding: str = ""
    segments: int = 0
    sent_at: float = 0.0
    """By 8x8's clock, never later than it was received; 0 in doubt."""
    received_at: float = 0.0
    reported_at: float = 0.0
    """When MoEngage took it as an event; 0 before that."""

    def requested_at(self, opt_request: OptRequest) -> float:
        """Return since when its request counts: of two, the later one; a STOP in doubt wins."""
        doubt = _SECONDS_OF_DOUBT if opt_request is OptRequest.OPT_IN else 0
        return self.sent_at or self.received_at - doubt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnknownEvent:
    """A callback that the bridge does not understand, kept without the numbers in it."""

    key: str
    """The same for an event that 8x8 repeats."""
    event_type: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Click:
    """Somebody opened a link that 8x8 had shortened. The link itself is not kept."""

    umid: str
    """8x8's id of the message; the event names no other."""
    destination: str
    """The recipient, by whom the message is found."""
    key: str
    """The same for an event that 8x8 repeats."""
    at: float
    """0 in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OtherEvent:
    """An event of 8x8's that has nothing to do with the bridge's messages; it is not kept."""

    event_type: str


@dataclass(frozen=True, slots=True, repr=False)
class QueuedMessage:
    """A message from the send queue, with all that it takes to send it."""

    message: Message
    """What its log lines and its dispatch need of it; the rest is empty."""
    request: MessageRequest
    receives: int
    """How often it was received."""
    record: Any = field(compare=False)
    """Whatever the queue knows it by."""


@dataclass(frozen=True, slots=True, repr=False)
class QueuedOutcome:
    message_id: str
    lease: str
    """The owner of the lease since it became due; empty for any record but the first."""
    receives: int
    record: Any = field(compare=False)


class InboundWork(StrEnum):
    """What is passed on to MoEngage of an inbound message; each has a record of its own."""

    SUBSCRIPTION = "subscription"  # its sender opted out or in
    EVENT = "event"  # the message itself


@dataclass(frozen=True, slots=True, repr=False)
class QueuedInbound:
    inbound_id: str
    work: InboundWork
    record: Any = field(compare=False)
