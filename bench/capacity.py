"""How many messages a second each limit lets through, and who waits behind a large campaign.

The first are sums: what a message uses was counted by the run, what the services allow is written
here, how the bridge is set is read from the template. The second is a simulation on a clock of its
own, with the template's dispatchers and pace; SQS is emulated, as AWS documents it (developer
guide, "How Amazon SQS fair queues work", November 2026), because neither moto nor MiniStack looks
at a message's group. AWS calls its thresholds approximate.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median

from bench.bill import billed_seconds
from bench.scenario import DISPATCH, Life
from bench.template import Stack

# For each message: sent, and delivered.
_RECEIPTS = 2
# A group is noisy with more than this share of what is in flight, and at least so many.
_NOISY_SHARE, _NOISY_AT_LEAST = 0.1, 30
_RECORDS_A_RECEIVE = 10
# Lambda asks an empty queue again.
_SECONDS_BETWEEN_LOOKS = 0.1


def limits(life: Life, stack: Stack) -> dict[str, tuple[float, str]]:
    """Return messages a second that each limit lets through, and what raises it."""
    busy, units = 0.0, defaultdict[str, float](float)
    for name, usage in life.steps.items():
        busy += billed_seconds(life, name) * usage.invocations / usage.messages
        for index, count in usage.charges.write_units.items():
            units[index] += count / usage.messages
    route = stack.number("ThrottlingRateLimit") / _RECEIPTS
    account = "API Gateway, the account (a quarter of it in some regions)"
    found = {
        "MoEngage's campaign throttle": (1000, "MoEngage, to 3,333 at most"),
        "API Gateway, a route of this API": (route, "`ThrottlingRateLimit`"),
        account: (10_000 / (1 + _RECEIPTS), "AWS, on request"),
        "Lambda, functions at once": (1000 / busy, "AWS, on request"),
        "DynamoDB, the table or an index when new": (4000 / max(units.values()), "warm throughput"),
    }
    if DISPATCH in life.steps:
        rate = stack.number("DispatchConcurrency") / billed_seconds(life, DISPATCH)
        raised = "`SendRateLimit`, `DispatchConcurrency`"
        found["The send queue of one message type"] = rate * stack.dispatch_batch, raised
    else:
        found["8x8, single sends"] = 1800, "`DispatchMode=queued`"
    return found


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


def play(campaigns: Sequence[Campaign], stack: Stack, *, has_groups: bool) -> None:
    """Let a queue's dispatchers send batches of all campaigns at the send rate, to the end."""
    batch, pace, taken = stack.dispatch_batch, stack.pace, list[Campaign]()
    busy = [(0.0, number, taken) for number in range(stack.number("DispatchConcurrency"))]
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
        free_at = now + max(len(taken) * pace, _SECONDS_BETWEEN_LOOKS)
        heapq.heappush(busy, (free_at, number, taken))


FAIRNESS = ("groups", "half of the small one waits", "all of it", "everything is sent after")


def fairness(stack: Stack) -> Iterator[tuple[str, ...]]:
    """Give how long a campaign waits that comes five minutes after a large one, and the end."""
    for groups in ("without", "with"):
        large, small = Campaign(1_000_000, 3333), Campaign(1000, 1000, starts_at=300)
        play((large, small), stack, has_groups=groups == "with")
        end = large.came(large.messages - 1) + large.waits[-1]
        times = (median(small.waits), max(small.waits), end)
        yield groups, *(f"{s:.1f} s" if s < 100 else f"{s / 60:.0f} minutes" for s in times)
