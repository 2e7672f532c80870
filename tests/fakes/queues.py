"""Queues in memory that show what was put into them."""

from collections.abc import Set
from dataclasses import dataclass, field

from sms_bridge.domain.message import Message, MessageRequest


@dataclass
class InMemoryOutcomes:
    """An OutcomeQueue in memory: the ids with their delays, in order."""

    queued: list[tuple[str, int]] = field(default_factory=list)

    def add(self, message_id: str, *, delay_seconds: int = 0, is_first: bool = False) -> None:  # noqa: ARG002
        self.queued.append((message_id, delay_seconds))


@dataclass
class InMemorySendQueue:
    """A SendQueue in memory.

    Attributes
    ----------
    queued
        Messages, requests and delays, in order.
    """

    queued: list[tuple[Message, MessageRequest, int]] = field(default_factory=list)

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        self.queued.append((message, request, delay_seconds))


@dataclass
class InMemoryDeadLetters:
    """A DeadLetterQueue in memory: the bodies with their reasons, in order."""

    letters: list[tuple[str, str]] = field(default_factory=list)

    def add(self, body: str, *, reason: str) -> None:
        self.letters.append((body, reason))

    def take_out(self, bodies: Set[str]) -> int:
        left = [letter for letter in self.letters if letter[0] not in bodies]
        taken = len(self.letters) - len(left)
        self.letters[:] = left
        return taken
