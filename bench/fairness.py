"""Who waits behind a large campaign in a send queue.

A simulation on a clock of its own. The dispatchers and their pace are those of the template; SQS is
emulated, as AWS documents it (developer guide, "How Amazon SQS fair queues work", November 2026),
because neither moto nor MiniStack looks at a message's group. AWS calls its thresholds approximate.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
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
    """Messages of one group that come at an even pace, and are handed out in their order."""

    messages: int
    per_second: float
    starts_at: float = 0.0
    in_flight: int = 0
    end: float = 0.0  # when the last one was handed out
    # For how many seconds each message that was handed out had been in the queue.
    waits: list[float] = field(default_factory=list, init=False)

    def came_at(self, number: int) -> float:
        return self.starts_at + number / self.per_second

    @property
    def oldest(self) -> float:
        return self.came_at(len(self.waits))

    def waiting(self, until: float) -> int:
        """Return how many messages that came until then can be handed out."""
        came = math.floor((until - self.starts_at) * self.per_second) + 1
        return max(0, min(self.messages, came) - len(self.waits))

    def hand_out(self, now: float, count: int) -> None:
        first, since = len(self.waits), now - self.starts_at
        self.waits += [since - n / self.per_second for n in range(first, first + count)]
        self.in_flight += count
        self.end = now


def play(
    campaigns: Sequence[Campaign], *, at_once: int, batch: int, rate: float, has_groups: bool
) -> None:
    """Let so many dispatchers at once send batches of all campaigns at a rate, to the end."""
    taken: list[tuple[Campaign, int]] = []
    busy = [(0.0, number, taken) for number in range(at_once)]
    while any(len(one.waits) < one.messages for one in campaigns):
        now, number, sent = heapq.heappop(busy)
        for one, count in sent:
            one.in_flight -= count
        taken = list(_receive(campaigns, now, batch, has_groups=has_groups))
        messages = sum(count for _, count in taken)
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(messages, rate=rate, at_once=2 * at_once)
        heapq.heappush(busy, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))


def _receive(
    campaigns: Sequence[Campaign], now: float, most: int, *, has_groups: bool
) -> Iterator[tuple[Campaign, int]]:
    """Take a batch, in several receives, as Lambda does; gives how many of which campaign."""
    while most and (waiting := [one for one in campaigns if one.waiting(now)]):
        total = sum(one.in_flight for one in campaigns)
        waiting.sort(key=lambda one: _turn(one, total) if has_groups else (False, one.oldest))
        first, *others = waiting
        # Without groups another campaign's message is the oldest after a while.
        until = now if has_groups or not others else others[0].oldest
        count = max(1, min(first.waiting(until), _RECORDS_A_RECEIVE, most))
        first.hand_out(now, count)
        yield first, count
        most -= count


def _turn(one: Campaign, in_flight: int) -> tuple[bool, float]:
    """Return when a group's next message is handed out: quiet groups', then the least noisy's."""
    if one.in_flight >= _NOISY_AT_LEAST and one.in_flight > _NOISY_SHARE * in_flight:
        return True, one.in_flight
    return False, one.oldest


_CASES = {
    "a campaign of 1,000, five minutes after one of a million": (
        (1_000_000, 3333),
        (1000, 1000, 300),
    ),
    "a code each second, beside 100,000 notifications at once": ((100_000, 100_000), (120, 1, 1)),
}
HEAD = ("", "groups", "half of the small one waits", "all of it", "everything is sent after")


def rows(stack: Stack) -> Iterator[tuple[str, ...]]:
    """Give how long a small group waits beside a large one, and when all is sent."""
    for case, campaigns in _CASES.items():
        for groups in ("without", "with"):
            large, small = (Campaign(*one) for one in campaigns)
            play(
                (large, small),
                at_once=stack.number("DispatchConcurrency"),
                batch=stack.dispatch_batch,
                rate=stack.number("SendRateLimit"),
                has_groups=groups == "with",
            )
            yield case, groups, *map(_time, (median(small.waits), max(small.waits), large.end))


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
