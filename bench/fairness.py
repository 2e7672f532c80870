"""Who waits behind a large campaign in a send queue.

A simulation on a clock of its own. The dispatchers and their pace are those of the template; SQS is
emulated, as AWS documents it (developer guide, "How Amazon SQS fair queues work", November 2026),
because neither moto nor MiniStack looks at a message's group. AWS calls its thresholds approximate.
"""

from __future__ import annotations

import copy
import heapq
import itertools
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
    sent, handed
        How many were handed out; when how many of them.
    """

    messages: int
    per_second: float
    starts_at: float = 0.0
    in_flight: int = field(default=0, init=False)
    sent: int = field(default=0, init=False)
    handed: list[tuple[float, int]] = field(default_factory=list, init=False)

    def came_at(self, number: int) -> float:
        return self.starts_at + number / self.per_second

    @property
    def oldest(self) -> float:
        return self.came_at(self.sent)

    def waiting(self, until: float) -> int:
        """Return how many messages that came until then can be handed out."""
        came = math.floor((until - self.starts_at) * self.per_second) + 1
        return max(0, min(self.messages, came) - self.sent)

    def hand_out(self, now: float, count: int) -> None:
        self.handed.append((now, count))
        self.sent += count
        self.in_flight += count

    @property
    def waits(self) -> list[float]:
        """For how many seconds each message that was handed out had been in the queue."""
        numbers = itertools.count()
        return [
            now - self.came_at(next(numbers)) for now, count in self.handed for _ in range(count)
        ]

    @property
    def end(self) -> float:
        return self.handed[-1][0]


@dataclass(frozen=True)
class Dispatchers:
    at_once: int
    batch: int
    rate: float


def play(campaigns: Sequence[Campaign], dispatchers: Dispatchers, *, has_groups: bool) -> None:
    nothing = [0] * len(campaigns)
    ready = [(0.0, number, nothing) for number in range(dispatchers.at_once)]
    while any(one.sent < one.messages for one in campaigns):
        now, number, done = heapq.heappop(ready)
        for one, count in zip(campaigns, done, strict=True):
            one.in_flight -= count
        before = [one.in_flight for one in campaigns]
        _receive(campaigns, now, dispatchers.batch, has_groups=has_groups)
        taken = [one.in_flight - count for one, count in zip(campaigns, before, strict=True)]
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(sum(taken), rate=dispatchers.rate, at_once=2 * dispatchers.at_once)
        heapq.heappush(ready, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))


def _receive(campaigns: Sequence[Campaign], now: float, most: int, *, has_groups: bool) -> None:
    """Take a batch, in several receives, as Lambda does."""
    while most and (waiting := [one for one in campaigns if one.waiting(now)]):
        total = sum(one.in_flight for one in campaigns)
        waiting.sort(key=lambda one: _turn(one, total) if has_groups else (False, one.oldest))
        first, *others = waiting
        # Without groups another campaign's message is the oldest after a while.
        until = now if has_groups or not others else others[0].oldest
        count = max(1, min(first.waiting(until), _RECORDS_A_RECEIVE, most))
        first.hand_out(now, count)
        most -= count


def _turn(one: Campaign, in_flight: int) -> tuple[bool, float]:
    """Return when a group's next message is handed out: quiet groups', then the least noisy's."""
    if one.in_flight >= _NOISY_AT_LEAST and one.in_flight > _NOISY_SHARE * in_flight:
        return True, one.in_flight
    return False, one.oldest


_CASES = (
    (
        "a campaign of 1,000, five minutes after one of a million",
        (Campaign(1_000_000, per_second=3333), Campaign(1000, per_second=1000, starts_at=300)),
    ),
    (
        "a code each second, beside 100,000 notifications at once",
        (Campaign(100_000, per_second=100_000), Campaign(120, per_second=1, starts_at=1)),
    ),
)
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
        for case, campaigns in _CASES:
            large, small = copy.deepcopy(campaigns)
            play((large, small), dispatchers, has_groups=has_groups)
            shown = map(_time, (median(small.waits), max(small.waits), large.end))
            found.append((case, "with" if has_groups else "without", *shown))
    return sorted(found, key=lambda row: row[0])


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
