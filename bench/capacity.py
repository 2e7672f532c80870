"""How many messages a second each limit lets through.

Sums: what a message uses was counted by the run, what the services allow is written here, how the
bridge is set is read from the template.
"""

from operator import itemgetter

from bench.bill import billed_seconds
from bench.scenario import Life
from bench.template import Stack

# For each message: sent, and delivered.
_RECEIPTS = 2
_ON_REQUEST = "AWS, on request"
_LAMBDA_CONCURRENCY = 1000
# Write units a second: of a new on-demand table and each of its indexes, and of an index whose new
# entries go to the end of one of 16 shards, which DynamoDB cannot split.
_NEW_TABLE_WRITES, _SHARD_WRITES = 4000, 16 * 1000


def limits(life: Life, stack: Stack) -> dict[str, tuple[float, str]]:
    """Return messages a second of each limit, and what raises it; the lowest comes first."""
    steps = life.steps
    seconds = {name: billed_seconds(life, name) for name in steps}
    busy = sum(seconds[name] * one.invocations / one.messages for name, one in steps.items())

    def units(index: str) -> float:
        return sum(one.write_units.get(index, 0) / one.messages for one in steps.values())

    new = max(map(units, set().union(*(usage.write_units for usage in steps.values()))))
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
