"""Queues in memory."""

from dataclasses import dataclass, field


@dataclass
class InMemoryOutcomes:
    """An OutcomeQueue in memory: the ids with their delays, in order."""

    queued: list[tuple[str, int]] = field(default_factory=list)

    def add(self, message_id: str, *, delay_seconds: int = 0) -> None:
        self.queued.append((message_id, delay_seconds))


@dataclass
class InMemoryDeadLetters:
    """A DeadLetterQueue in memory: the ids with their reasons, in order."""

    letters: list[tuple[str, str]] = field(default_factory=list)

    def add(self, message_id: str, *, reason: str) -> None:
        self.letters.append((message_id, reason))
