"""How many messages a second each limit lets through, and who waits behind a large campaign.

The first are sums: what a message uses was counted by the run, what the services allow is written
here, how the bridge is set is read from the template. The second is a simulation on a clock of its
own, with the template's dispatchers and pace; SQS is emulated, as AWS documents it (developer
guide, "How Amazon SQS fair queues work", November 2026), because neither moto nor MiniStack looks
at a message's group. AWS calls its thresholds approximate.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from statistics import median

from bench.bill import billed_seconds
from bench.scenario import Life
from bench.template import Stack
from sms_bridge.services.dispatch import seconds_for

# For each message: sent, and delivered.
_RECEIPTS = 2
_ON_REQUEST = "AWS, on request"
_LAMBDA_CONCURRENCY = 1000
# Write units a second: of a new on-demand table and each of its indexes, and of an index whose new
# entries go to the end of one of 16 shards, which DynamoDB cannot split.
_NEW_TABLE_WRITES, _SHARD_WRITES = 4000, 16 * 1000
# A group is noisy with more than this share of what is in flight, and at least so many.
_NOISY_SHARE, _NOISY_AT_LEAST = 0.1, 30
_RECORDS_A_RECEIVE = 10
# Lambda asks an empty queue again.
_SECONDS_BETWEEN_LOOKS = 0.1


def limits(life: Life, stack: Stack) -> dict[str, tuple[float, str]]:
    """Return messages a second of each limit, and what raises it; the lowest comes first."""
    steps = life.steps
    seconds = {name: billed_seconds(life, name) for name in steps}
    busy = sum(seconds[name] * one.invocations / one.messages for name, one in steps.items())

    def units(index: str) -> float:
        return sum(one.charges.write_units.get(index, 0) / one.messages for one in steps.values())

    new = max(map(units, set().union(*(usage.charges.write_units for usage in steps.values()))))
    outcomes = stack.resources["ForwardOutcome"]["Events"]["Outcomes"]["Properties"]
    at_once = outcomes.get("ScalingConfig", {}).get("MaximumConcurrency", _LAMBDA_CONCURRENCY)
    reports = at_once * outcomes["BatchSize"] / seconds["forward_outcome"]
    route, account = stack.number("ThrottlingRateLimit") / _RECEIPTS, 10_000 / (1 + _RECEIPTS)
    most = max(units("open"), units("campaign"))
    found = {
        "MoEngage's campaign throttle": (1000, "MoEngage, to 3,333 at most"),
        "API Gateway, a route of this API": (route, "`ThrottlingRateLimit`"),
        "API Gateway, the account (a quarter of it in some regions)": (account, _ON_REQUEST),
        "Lambda, functions at once": (_LAMBDA_CONCURRENCY / busy, _ON_REQUEST),
        "DynamoDB, the table or an index when new": (_NEW_TABLE_WRITES / new, "warm throughput"),
        "DynamoDB, the shards of an index": (_SHARD_WRITES / most, "more shards, in code"),
        "Reporting to MoEngage": (reports, "nothing is lost: outcomes wait in their queue"),
    }
    if "dispatch_queue" in steps:
        batches = stack.number("DispatchConcurrency") / seconds["dispatch_queue"]
        raised = "`SendRateLimit`, `DispatchConcurrency`"
        found["The send queue of one message type"] = batches * stack.dispatch_batch, raised
        found["8x8, batches"] = 25_000, "8x8, on request"
    else:
        found["8x8, single sends"] = 1800, "`DispatchMode=queued`"
    return dict(sorted(found.items(), key=itemgetter(1)))


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
    at_once, rate = stack.number("DispatchConcurrency"), stack.number("SendRateLimit")
    batch, taken = stack.dispatch_batch, list[Campaign]()
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
    "a campaign of 1,000, five minutes after one of a million": ((10**6, 3333), (1000, 1000, 300)),
    "a code each second, beside 100,000 notifications at once": ((100_000, 100_000), (120, 1, 1)),
}
FAIRNESS = ("", "groups", "half of the small one waits", "all of it", "everything is sent after")


def fairness(stack: Stack) -> Iterator[tuple[str, ...]]:
    """Give how long a small group waits beside a large one, and when all is sent."""
    for case, campaigns in _CASES.items():
        for groups in ("without", "with"):
            large, small = (Campaign(*one) for one in campaigns)
            play((large, small), stack, has_groups=groups == "with")
            end = large.came(large.messages - 1) + large.waits[-1]
            yield case, groups, *map(_time, (median(small.waits), max(small.waits), end))


def _time(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
