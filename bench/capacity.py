"""How many messages a second each limit lets through, and how long a campaign takes.

Sums: what a message uses was counted by the run, what the services allow is written here, how the
bridge is set is read from the template.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.bill import Assumptions, billed_seconds
from bench.scenario import Life
from bench.template import Stack

MOENGAGE, MOENGAGE_MOST = 1000.0, 200_000 / 60
"""Messages a second of a campaign: 60,000 a minute unless raised, at most 200,000."""

EIGHTX8_REQUESTS, EIGHTX8_BATCHED = 1800.0, 25_000.0
"""Requests a second of a sub-account, and messages a second that 8x8 states for batches."""

API_REQUESTS, API_REQUESTS_OF_SMALL_REGIONS = 10_000.0, 2500.0
LAMBDA_CONCURRENCY = 1000
TABLE_WRITES = 4000.0
"""Write units a second of a new on-demand table, and of each index."""

_SHARD_WRITES, _SHARDS = 1000.0, 16
RECEIPTS = 2
"""For each message: sent, and delivered."""


@dataclass(frozen=True)
class Limit:
    """Something that lets so many messages a second through, and no more."""

    name: str
    per_second: float
    raising: str


def limits(life: Life, stack: Stack, assumed: Assumptions) -> list[Limit]:
    """Return every limit on a message's way, the lowest first."""
    is_queued = "dispatch_queue" in life.steps
    route = stack.number("ThrottlingRateLimit")
    seconds = {
        name: billed_seconds(usage, assumed, paced=name == "dispatch_queue")
        for name, usage in life.steps.items()
    }
    busy = sum(
        seconds[name] * usage.invocations / usage.messages for name, usage in life.steps.items()
    )
    found = [
        Limit("MoEngage's campaign throttle", MOENGAGE, "MoEngage raises it, to 3,333 at most"),
        Limit("API Gateway, a route of this API", route / RECEIPTS, "`ThrottlingRateLimit`"),
        Limit(
            "API Gateway, the account (2,500 a second in some regions)",
            API_REQUESTS / (1 + RECEIPTS),
            "AWS raises it on request",
        ),
        Limit("Lambda, functions at once", LAMBDA_CONCURRENCY / busy, "AWS raises it on request"),
        *_dynamodb(life),
    ]
    outcomes = stack.functions["ForwardOutcome"]["Events"]["Outcomes"]["Properties"]
    at_once = outcomes.get("ScalingConfig", {}).get("MaximumConcurrency", LAMBDA_CONCURRENCY)
    per_second = at_once * outcomes["BatchSize"] / seconds["forward_outcome"]
    found.append(Limit("Reporting to MoEngage", per_second, "outcomes wait in their queue"))
    if is_queued:
        batch = stack.dispatch_batch
        dispatched = stack.number("DispatchConcurrency") * batch / seconds["dispatch_queue"]
        pace = "`SendRateLimit`, `DispatchConcurrency`"
        found.append(Limit("The send queue of one message type", dispatched, pace))
        found.append(Limit("8x8, batches", EIGHTX8_BATCHED, "8x8 raises it on request"))
    else:
        found.append(Limit("8x8, single sends", EIGHTX8_REQUESTS, "`DispatchMode=queued`"))
    return sorted(found, key=lambda limit: limit.per_second)


def _dynamodb(life: Life) -> list[Limit]:
    names = sorted({name for usage in life.steps.values() for name in usage.write_units})
    found = []
    for name in names:
        units = life.per_message(lambda usage, name=name: usage.write_units.get(name, 0))  # type: ignore[misc]
        what = f"index `{name}`" if name else "the table"
        found.append(
            Limit(f"DynamoDB, {what} when new", TABLE_WRITES / units, "warm throughput, paid once")
        )
        if name in ("open", "campaign"):
            # All that is new goes to the end of a shard, so that DynamoDB cannot split it.
            shards = f"DynamoDB, the shards of index `{name}`"
            found.append(Limit(shards, _SHARDS * _SHARD_WRITES / units, "more shards in the code"))
    return found
