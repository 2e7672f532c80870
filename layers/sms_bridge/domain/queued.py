"""What comes out of the queues."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sms_bridge.domain.message import Message, MessageRequest


@dataclass(frozen=True, slots=True, repr=False)
class QueuedMessage:
    """A message from the send queue, with all that it takes to send it."""

    message: Message
    """What its log lines and its dispatch need of it; the rest is empty."""
    request: MessageRequest
    receives: int
    """How often it was received."""
    record: Any = field(repr=False, compare=False)
    """Whatever the queue knows it by."""


@dataclass(frozen=True, slots=True, repr=False)
class QueuedOutcome:
    """An outcome from the outcome queue."""

    message_id: str
    lease: str
    """The owner of the lease since it became due; empty for any record but the first."""
    receives: int
    body: str = field(compare=False)
    """Its record, as it is dead-lettered."""


class InboundWork(StrEnum):
    """What is passed on to MoEngage of an inbound message; each has a record of its own."""

    SUBSCRIPTION = "subscription"  # its sender opted out or in
    EVENT = "event"  # the message itself


@dataclass(frozen=True, slots=True, repr=False)
class QueuedInbound:
    """An inbound message from the outcome queue."""

    inbound_id: str
    work: InboundWork
    body: str = field(compare=False)
