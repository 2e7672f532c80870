"""Queues in memory that show what was put into them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sms_bridge.domain.arrivals import InboundWork, QueuedMessage
from sms_bridge.domain.message import Message, MessageRequest


@dataclass
class InMemoryOutcomes:
    """An OutcomeQueue in memory.

    Attributes
    ----------
    queued
        The ids with their delays, in order; with what is to be done of inbound messages.
    leases
        The lease that a message's last record holds, if it holds one.
    """

    queued: list[tuple[str, int]] = field(default_factory=list)
    leases: dict[str, str] = field(default_factory=dict)

    def add(self, message_id: str, *, delay_seconds: int = 0, lease: str = "") -> None:
        self.queued.append((message_id, delay_seconds))
        self.leases[message_id] = lease

    def add_inbound(self, inbound_id: str, work: InboundWork) -> None:
        self.queued.append((f"{work} of {inbound_id}", 0))


@dataclass
class InMemorySendQueue:
    """A SendQueue in memory.

    Attributes
    ----------
    queued
        Messages, requests and delays, in order.
    waits
        What was hidden, by message.
    refuses
        Ids of messages that are not taken where several are added.
    """

    queued: list[tuple[Message, MessageRequest, int]] = field(default_factory=list)
    waits: dict[str, int] = field(default_factory=dict)
    refuses: Callable[[str], bool] = lambda _: False

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        self.queued.append((message, request, delay_seconds))

    def add_all(self, some: Sequence[tuple[Message, MessageRequest, int]]) -> set[str]:
        refused = {message.id for message, _, _ in some if self.refuses(message.id)}
        self.queued += [one for one in some if one[0].id not in refused]
        return refused

    def postpone(self, waits: Sequence[tuple[QueuedMessage, int]]) -> None:
        self.waits |= {queued.message.id: seconds for queued, seconds in waits}


@dataclass
class InMemoryDeadLetters:
    """A DeadLetterQueue in memory: bodies with their reasons, in order."""

    letters: list[tuple[str, str]] = field(default_factory=list)

    def add(self, record: Mapping[str, Any], *, reason: str) -> None:
        self.letters.append((record["body"], reason))

    def move(self, record: Mapping[str, Any], *, reason: str) -> bool:
        self.add(record, reason=reason)
        return True
