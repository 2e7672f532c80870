"""Who waits behind a large campaign in a send queue: `python -m bench.fairness`.

A simulation on a clock of its own. The dispatchers and their pace are those of the template; SQS is
emulated, as AWS documents it (developer guide, "How Amazon SQS fair queues work", November 2026),
because neither moto nor MiniStack looks at a message's group. AWS calls its thresholds approximate.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

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


def waits(
    campaigns: Sequence[Campaign], dispatchers: Dispatchers, *, has_groups: bool
) -> dict[str, list[float]]:
    """Return how long each message of each campaign is in the queue, in seconds."""
    found: dict[str, list[float]] = {one.name: [] for one in campaigns}
    in_flight: Counter[str] = Counter()
    ready = [(0.0, number, Counter[str]()) for number in range(dispatchers.at_once)]
    left = sum(one.messages for one in campaigns)
    while left:
        now, number, done = heapq.heappop(ready)
        in_flight.subtract(done)
        taken = _receive(campaigns, found, in_flight, now, dispatchers.batch, has_groups)
        count = taken.total()
        left -= count
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(count, rate=dispatchers.rate, at_once=2 * dispatchers.at_once)
        heapq.heappush(ready, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))
    return found


def _receive(
    campaigns: Sequence[Campaign],
    found: dict[str, list[float]],
    in_flight: Counter[str],
    now: float,
    most: int,
    has_groups: bool,
) -> Counter[str]:
    """Take a batch, in several receives, as Lambda does."""
    taken: Counter[str] = Counter()
    while taken.total() < most:
        waiting = [one for one in campaigns if len(found[one.name]) < one.came_by(now)]
        if not waiting:
            break
        first = min(waiting, key=_by_turn(found, in_flight, has_groups))
        there = first.came_by(now) - len(found[first.name])
        if not has_groups and len(waiting) > 1:
            there = 1  # until another campaign's message is the oldest
        for _ in range(min(there, _RECORDS_A_RECEIVE, most - taken.total())):
            found[first.name].append(now - first.came_at(len(found[first.name])))
            taken[first.name] += 1
            in_flight[first.name] += 1
    return taken


def _by_turn(
    found: dict[str, list[float]], in_flight: Counter[str], has_groups: bool
) -> Callable[[Campaign], tuple[bool, int, float]]:
    """Return whose message is handed out next: quiet groups first, then the least noisy one."""
    total = in_flight.total()

    def turn(campaign: Campaign) -> tuple[bool, int, float]:
        own = in_flight[campaign.name]
        is_noisy = has_groups and own >= _NOISY_AT_LEAST and own > _NOISY_SHARE * total
        oldest = campaign.came_at(len(found[campaign.name]))
        return is_noisy, own if is_noisy else 0, oldest

    return turn


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
            found = waits(campaigns, dispatchers, has_groups=has_groups)
            large, _ = campaigns
            median, last = quantiles(found["small"], n=100)[49], max(found["small"])
            end = max(wait + large.came_at(n) for n, wait in enumerate(found["large"]))
            shown = (_time(median), _time(last), _time(end))
            shown_rows.append((case, "with" if has_groups else "without", *shown))
    return shown_rows


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    for row in (HEAD, *rows(Stack())):
        print(" | ".join(row))
