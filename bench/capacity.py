"""How many messages a second each limit lets through, the lowest first.

Sums: what a message uses was counted by the run, what the services allow is written here, how the
bridge is set is read from the template.
"""

from __future__ import annotations

from collections import defaultdict

from bench.bill import Assumptions, billed_seconds
from bench.scenario import Life
from bench.template import Stack

RECEIPTS = 2
"""For each message: sent, and delivered."""

_ON_REQUEST = "AWS, on request"
_LAMBDA_CONCURRENCY = 1000
_NEW_TABLE_WRITES = 4000.0
"""Write units a second of a new on-demand table, and of each index."""
_SHARD_WRITES = 16 * 1000.0
"""What is new goes to the end of one of 16 shards, which DynamoDB cannot split."""

Limit = tuple[float, str]
"""Messages a second, and what raises it."""


def limits(life: Life, stack: Stack, assumed: Assumptions) -> dict[str, Limit]:
    """Return every limit on a message's way by its name."""
    seconds = {
        name: billed_seconds(usage, assumed, paced=name == "dispatch_queue")
        for name, usage in life.steps.items()
    }
    busy = sum(
        seconds[name] * usage.invocations / usage.messages for name, usage in life.steps.items()
    )
    units: defaultdict[str, float] = defaultdict(float)
    for usage in life.steps.values():
        for index, count in usage.write_units.items():
            units[index] += count / usage.messages
    outcomes = stack.functions["ForwardOutcome"]["Events"]["Outcomes"]["Properties"]
    most = outcomes.get("ScalingConfig", {}).get("MaximumConcurrency", _LAMBDA_CONCURRENCY)
    found: dict[str, Limit] = {
        "MoEngage's campaign throttle": (1000.0, "MoEngage, to 3,333 at most"),
        "API Gateway, a route of this API": (
            stack.number("ThrottlingRateLimit") / RECEIPTS,
            "`ThrottlingRateLimit`",
        ),
        "API Gateway, the account (a quarter of it in some regions)": (
            10_000 / (1 + RECEIPTS),
            _ON_REQUEST,
        ),
        "Lambda, functions at once": (_LAMBDA_CONCURRENCY / busy, _ON_REQUEST),
        "DynamoDB, the table or an index when new": (
            _NEW_TABLE_WRITES / max(units.values()),
            "warm throughput",
        ),
        "DynamoDB, the shards of an index": (
            _SHARD_WRITES / max(units["open"], units["campaign"]),
            "more shards, in code",
        ),
        "Reporting to MoEngage": (
            most * outcomes["BatchSize"] / seconds["forward_outcome"],
            "nothing is lost: outcomes wait in their queue",
        ),
    }
    if "dispatch_queue" in life.steps:
        dispatchers = stack.number("DispatchConcurrency")
        found["The send queue of one message type"] = (
            dispatchers * stack.dispatch_batch / seconds["dispatch_queue"],
            "`SendRateLimit`, `DispatchConcurrency`",
        )
        found["8x8, batches"] = 25_000.0, "8x8, on request"
    else:
        found["8x8, single sends"] = 1800.0, "`DispatchMode=queued`"
    return dict(sorted(found.items(), key=lambda one: one[1]))
