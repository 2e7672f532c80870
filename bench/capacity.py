"""How many messages a second each limit lets through.

Sums: what a message uses was counted by the run, what the services allow is written here, how the
bridge is set is read from the template.
"""

from __future__ import annotations

from operator import itemgetter

from bench.bill import Assumptions, billed_seconds
from bench.scenario import Life
from bench.template import Stack

RECEIPTS = 2
"""For each message: sent, and delivered."""

_ON_REQUEST = "AWS, on request"
_LAMBDA_CONCURRENCY = 1000
# Write units a second: of a new on-demand table and each of its indexes, and of an index whose new
# entries go to the end of one of 16 shards, which DynamoDB cannot split.
_NEW_TABLE_WRITES, _SHARD_WRITES = 4000, 16 * 1000

Limit = tuple[str, float, str]
"""Its name, messages a second, and what raises it."""


def limits(life: Life, stack: Stack, assumed: Assumptions) -> list[Limit]:
    """Return every limit on a message's way, the lowest first."""
    seconds = {
        name: billed_seconds(usage, assumed, paced=name == "dispatch_queue")
        for name, usage in life.steps.items()
    }
    busy = sum(seconds[name] * one.invocations / one.messages for name, one in life.steps.items())

    def units(index: str) -> float:
        return life.per_message(lambda usage: usage.write_units.get(index, 0))

    indexes: set[str] = set().union(*(usage.write_units for usage in life.steps.values()))
    new = _NEW_TABLE_WRITES / max(map(units, indexes))
    shards = _SHARD_WRITES / max(units("open"), units("campaign"))
    outcomes = stack.functions["ForwardOutcome"]["Events"]["Outcomes"]["Properties"]
    most = outcomes.get("ScalingConfig", {}).get("MaximumConcurrency", _LAMBDA_CONCURRENCY)
    reports = most * outcomes["BatchSize"] / seconds["forward_outcome"]
    route, account = stack.number("ThrottlingRateLimit") / RECEIPTS, 10_000 / (1 + RECEIPTS)
    quarter = "API Gateway, the account (a quarter of it in some regions)"
    found = [
        ("MoEngage's campaign throttle", 1000, "MoEngage, to 3,333 at most"),
        ("API Gateway, a route of this API", route, "`ThrottlingRateLimit`"),
        (quarter, account, _ON_REQUEST),
        ("Lambda, functions at once", _LAMBDA_CONCURRENCY / busy, _ON_REQUEST),
        ("DynamoDB, the table or an index when new", new, "warm throughput"),
        ("DynamoDB, the shards of an index", shards, "more shards, in code"),
        ("Reporting to MoEngage", reports, "nothing is lost: outcomes wait in their queue"),
    ]
    if "dispatch_queue" in seconds:
        at_once = stack.number("DispatchConcurrency") * stack.dispatch_batch
        queue, raised = (
            at_once / seconds["dispatch_queue"],
            "`SendRateLimit`, `DispatchConcurrency`",
        )
        found.append(("The send queue of one message type", queue, raised))
        found.append(("8x8, batches", 25_000, "8x8, on request"))
    else:
        found.append(("8x8, single sends", 1800, "`DispatchMode=queued`"))
    return sorted(found, key=itemgetter(1))
