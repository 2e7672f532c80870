"""Who waits behind a large campaign in a send queue: `python -m bench.fairness`.

A simulation on a clock of its own. The dispatchers and their pace are those of the template; SQS is
emulated, as AWS documents it (developer guide, "How Amazon SQS fair queues work", November 2026),
because neither moto nor MiniStack looks at a message's group. AWS calls its thresholds approximate.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.template import Stack
from sms_bridge.domain.retry_policy import seconds_for

# A group is noisy with more than this share of what is in flight, and at least so many.
_NOISY_SHARE, _NOISY_AT_LEAST = 0.1, 30
_RECORDS_A_RECEIVE = 10
# Lambda asks an empty queue again.
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Messages of one group that come at an even pace."""

    name: str
    messages: int
    per_second: float
    starts_at: float = 0.0

    def came_at(self, number: int) -> float:
        """Return when a message is queued."""
        return self.starts_at + number / self.per_second

    def came_by(self, now: float) -> int:
        """Return how many messages are queued by then."""
        if now < self.starts_at:
            return 0
        return min(self.messages, math.floor((now - self.starts_at) * self.per_second) + 1)


@dataclass(frozen=True, kw_only=True)
class Dispatchers:
    """The functions that work through one send queue, as this stack has them."""

    at_once: int
    batch: int
    rate: float

    @classmethod
    def of(cls, stack: Stack) -> Dispatchers:
        """Read them from the template."""
        return cls(
            at_once=stack.number("DispatchConcurrency"),
            batch=stack.dispatch_batch,
            rate=stack.number("SendRateLimit"),
        )


@dataclass
class Line:
    """A campaign's messages in the queue, the oldest first.

    Attributes
    ----------
    sent, in_flight
        How many were handed out, and how many of them are being sent.
    received
        When some were handed out, and how many.
    """

    campaign: Campaign
    sent: int = 0
    in_flight: int = 0
    received: list[tuple[float, int]] = field(default_factory=list)

    def waiting(self, now: float) -> int:
        """Return how many messages can be handed out."""
        return self.campaign.came_by(now) - self.sent

    def receive(self, now: float, count: int) -> None:
        """Hand out messages."""
        self.sent += count
        self.in_flight += count
        self.received.append((now, count))

    @property
    def oldest(self) -> float:
        """When the next message was queued."""
        return self.campaign.came_at(self.sent)

    @property
    def end(self) -> float:
        """When the last message was handed out."""
        return self.received[-1][0]

    @property
    def waits(self) -> list[float]:
        """How long each message was in the queue, in seconds."""
        handed_out = (now for now, count in self.received for _ in range(count))
        return [now - self.campaign.came_at(number) for number, now in enumerate(handed_out)]


def play(
    campaigns: Sequence[Campaign], dispatchers: Dispatchers, *, has_groups: bool
) -> list[Line]:
    """Send campaigns through one queue; returns their lines as they are then."""
    lines = [Line(one) for one in campaigns]
    ready: list[tuple[float, int, list[int]]] = [
        (0.0, number, [0] * len(lines)) for number in range(dispatchers.at_once)
    ]
    while any(line.sent < line.campaign.messages for line in lines):
        now, number, done = heapq.heappop(ready)
        for line, count in zip(lines, done, strict=True):
            line.in_flight -= count
        before = [line.sent for line in lines]
        _receive(lines, now, dispatchers.batch, has_groups=has_groups)
        taken = [line.sent - sent for line, sent in zip(lines, before, strict=True)]
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(sum(taken), rate=dispatchers.rate, at_once=2 * dispatchers.at_once)
        heapq.heappush(ready, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))
    return lines


def _receive(lines: list[Line], now: float, most: int, *, has_groups: bool) -> None:
    """Take a batch, in several receives, as Lambda does."""
    while most:
        waiting = [line for line in lines if line.waiting(now)]
        if not waiting:
            return
        total = sum(line.in_flight for line in lines)
        first = min(waiting, key=lambda line: _turn(line, total) if has_groups else line.oldest)
        # Without groups another campaign's message may be the oldest after each.
        at_once = _RECORDS_A_RECEIVE if has_groups or len(waiting) == 1 else 1
        count = min(first.waiting(now), at_once, most)
        first.receive(now, count)
        most -= count


def _turn(line: Line, in_flight: int) -> tuple[bool, float]:
    """Return when a group's next message is handed out: quiet groups', then the least noisy's."""
    if line.in_flight >= _NOISY_AT_LEAST and line.in_flight > _NOISY_SHARE * in_flight:
        return True, line.in_flight
    return False, line.oldest


CASES: dict[str, tuple[Campaign, Campaign]] = {
    "a campaign of 1,000, five minutes after one of a million": (
        Campaign(name="large", messages=1_000_000, per_second=3333),
        Campaign(name="small", messages=1000, per_second=1000, starts_at=300),
    ),
    "a code each second, beside 100,000 notifications at once": (
        Campaign(name="large", messages=100_000, per_second=100_000),
        Campaign(name="small", messages=120, per_second=1, starts_at=1),
    ),
}
"""A large group of messages and a small one, side by side in one queue."""


HEAD = ("", "groups", "half of the small one waits", "all of it", "everything is sent after")


def rows(stack: Stack) -> list[tuple[str, ...]]:
    """Return how long the small groups wait, and when the last message of all is sent."""
    dispatchers = Dispatchers.of(stack)
    shown_rows: list[tuple[str, ...]] = []
    for case, campaigns in CASES.items():
        for has_groups in (False, True):
            large, small = play(campaigns, dispatchers, has_groups=has_groups)
            shown = map(_time, (median(small.waits), max(small.waits), large.end))
            shown_rows.append((case, "with" if has_groups else "without", *shown))
    return shown_rows


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    for row in (HEAD, *rows(Stack())):
        print(" | ".join(row))
