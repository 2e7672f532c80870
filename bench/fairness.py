"""Who waits behind a large campaign in a send queue.

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


@dataclass
class Campaign:
    """Messages of one group that come at an even pace, handed out in their order.

    Attributes
    ----------
    in_flight
        How many are being sent.
    waits
        How long each message that was handed out had been in the queue, in seconds.
    end
        When the last one was handed out.
    """

    messages: int
    per_second: float
    starts_at: float = 0.0
    in_flight: int = field(default=0, init=False)
    waits: list[float] = field(default_factory=list, init=False)
    end: float = field(default=0.0, init=False)

    def came_at(self, number: int) -> float:
        """Return when a message was queued."""
        return self.starts_at + number / self.per_second

    @property
    def oldest(self) -> float:
        """When the next message was queued."""
        return self.came_at(len(self.waits))

    def waiting(self, now: float) -> int:
        """Return how many messages can be handed out."""
        came = math.floor((now - self.starts_at) * self.per_second) + 1
        return max(0, min(self.messages, came) - len(self.waits))

    def hand_out(self, now: float, count: int) -> None:
        """Hand out messages."""
        sent = len(self.waits)
        self.waits += [now - self.came_at(number) for number in range(sent, sent + count)]
        self.in_flight += count
        self.end = now


@dataclass(frozen=True)
class Dispatchers:
    """The functions that work through one send queue."""

    at_once: int
    batch: int
    rate: float


def play(campaigns: Sequence[Campaign], dispatchers: Dispatchers, *, has_groups: bool) -> None:
    """Send campaigns through one queue."""
    ready: list[tuple[float, int, list[int]]] = [
        (0.0, number, [0] * len(campaigns)) for number in range(dispatchers.at_once)
    ]
    while any(len(one.waits) < one.messages for one in campaigns):
        now, number, done = heapq.heappop(ready)
        for one, count in zip(campaigns, done, strict=True):
            one.in_flight -= count
        before = [len(one.waits) for one in campaigns]
        _receive(campaigns, now, dispatchers.batch, has_groups=has_groups)
        taken = [len(one.waits) - sent for one, sent in zip(campaigns, before, strict=True)]
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(sum(taken), rate=dispatchers.rate, at_once=2 * dispatchers.at_once)
        heapq.heappush(ready, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))


def _receive(campaigns: Sequence[Campaign], now: float, most: int, *, has_groups: bool) -> None:
    """Take a batch, in several receives, as Lambda does."""
    while most and (waiting := [one for one in campaigns if one.waiting(now)]):
        total = sum(one.in_flight for one in campaigns)
        first = min(waiting, key=lambda one: _turn(one, total) if has_groups else one.oldest)
        # Without groups another campaign's message may be the oldest after each.
        at_once = _RECORDS_A_RECEIVE if has_groups or len(waiting) == 1 else 1
        count = min(first.waiting(now), at_once, most)
        first.hand_out(now, count)
        most -= count


def _turn(one: Campaign, in_flight: int) -> tuple[bool, float]:
    """Return when a group's next message is handed out: quiet groups', then the least noisy's."""
    if one.in_flight >= _NOISY_AT_LEAST and one.in_flight > _NOISY_SHARE * in_flight:
        return True, one.in_flight
    return False, one.oldest


HEAD = ("", "groups", "half of the small one waits", "all of it", "everything is sent after")


def rows(stack: Stack) -> list[tuple[str, ...]]:
    """Return how long a small group waits beside a large one, and when all is sent."""
    dispatchers = Dispatchers(
        at_once=stack.number("DispatchConcurrency"),
        batch=stack.dispatch_batch,
        rate=stack.number("SendRateLimit"),
    )
    found: list[tuple[str, ...]] = []
    for has_groups in (False, True):
        for case, large, small in (
            (
                "a campaign of 1,000, five minutes after one of a million",
                Campaign(1_000_000, per_second=3333),
                Campaign(1000, per_second=1000, starts_at=300),
            ),
            (
                "a code each second, beside 100,000 notifications at once",
                Campaign(100_000, per_second=100_000),
                Campaign(120, per_second=1, starts_at=1),
            ),
        ):
            play((large, small), dispatchers, has_groups=has_groups)
            shown = map(_time, (median(small.waits), max(small.waits), large.end))
            found.append((case, "with" if has_groups else "without", *shown))
    return sorted(found, key=lambda row: row[0])


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
