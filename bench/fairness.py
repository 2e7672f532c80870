"""Who waits behind a large campaign in a send queue.

A simulation on a clock of its own. The dispatchers and their pace are those of the template; SQS is
emulated, as AWS documents it (developer guide, "How Amazon SQS fair queues work", November 2026),
because neither moto nor MiniStack looks at a message's group. AWS calls its thresholds approximate.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median

from bench.template import Stack
from sms_bridge.domain.retry_policy import seconds_for

# A group is noisy with more than this share of what is in flight, and at least so many.
_NOISY_SHARE, _NOISY_AT_LEAST = 0.1, 30
_RECORDS_A_RECEIVE = 10
# Lambda asks an empty queue again.
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(eq=False)
class Campaign:
    """Messages of one group that come at a pace, and are handed out in that order."""

    messages: int
    per_second: float
    starts_at: float = 0.0
    in_flight: int = 0
    # For how many seconds each message that was handed out had been in the queue.
    waits: list[float] = field(default_factory=list)

    def came(self, number: int) -> float:
        return self.starts_at + number / self.per_second

    @property
    def oldest(self) -> float:
        """When the next one came, or comes."""
        return self.came(len(self.waits)) if len(self.waits) < self.messages else inf

    def turn(self, in_flight: int) -> tuple[bool, float]:
        """Return when its next message is handed out: quiet groups', then the least noisy's."""
        if self.in_flight >= _NOISY_AT_LEAST and self.in_flight > _NOISY_SHARE * in_flight:
            return True, self.in_flight
        return False, self.oldest


def play(
    campaigns: Sequence[Campaign], *, at_once: int, batch: int, rate: float, has_groups: bool
) -> None:
    """Let so many dispatchers at once send batches of all campaigns at a rate, to the end."""
    taken: list[Campaign] = []
    busy = [(0.0, number, taken) for number in range(at_once)]
    while any(one.oldest < inf for one in campaigns):
        now, number, sent = heapq.heappop(busy)
        for one in sent:
            one.in_flight -= 1
        taken = []
        # A batch is taken in several receives; each takes one campaign's messages, as if the few of
        # others among them came after it.
        while len(taken) < batch and (waiting := [one for one in campaigns if one.oldest <= now]):
            total = sum(one.in_flight for one in campaigns)
            first = min(waiting, key=lambda one: one.turn(total) if has_groups else one.oldest)
            for _ in range(min(batch - len(taken), _RECORDS_A_RECEIVE)):
                if (waited := now - first.oldest) >= 0:
                    first.waits.append(waited)
                    first.in_flight += 1
                    taken.append(first)
        # All functions of both queues keep under the rate together, as `dispatch_queue` does.
        paced = seconds_for(len(taken), rate=rate, at_once=2 * at_once)
        heapq.heappush(busy, (now + max(paced, _SECONDS_BETWEEN_LOOKS), number, taken))


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
            end = large.came(large.messages - 1) + large.waits[-1]
            yield case, groups, *map(_time, (median(small.waits), max(small.waits), end))


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
