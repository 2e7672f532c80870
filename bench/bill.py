"""What AWS charges: for a million messages, and for a month, item by item.

Usage is what a run counted, the month's fixed part is read from the template, so that neither can
go stale. Prices are AWS's list prices of us-east-1 in US dollars, November 2026. Of the free tiers
only the dashboards' is taken off: up to three of up to 50 metrics, as the templates' tests see to.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator

from bench.scenario import Life, Usage
from bench.template import BYTES_A_LINE, Stack

MILLION = 1_000_000
GB = 1024**3
_DAYS, _MONTHS_KEPT = 30, 3
PRICES = {
    "HTTP API request": 1.00e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second": 0.0000133334,  # arm64
    "DynamoDB write unit": 0.625e-6,
    "DynamoDB read unit": 0.125e-6,
    "DynamoDB GB-month": 0.25 + 0.20,  # with point-in-time recovery
    "SQS request": 0.40e-6,  # of up to 10 records and 64 KB
    "SQS request of a group": 0.10e-6,  # beside it; as quoted by others in March 2026
    "Logs GB": 0.50,
    "X-Ray trace": 5.00e-6,
    "Secret call": 0.05 / 10_000,
    "Data out GB": 0.09,
    "Secret": 0.40,
    "Alarm metric": 0.10,
    "Custom metric": 0.30,
}
# What no run on loopback can tell: how long each service takes to answer, network included.
SECONDS = {
    "8x8": 0.150,
    "moengage": 0.100,
    "dynamodb": 0.005,
    "sqs": 0.010,
    "secretsmanager": 0.030,
}
# A function has one processor's power at this memory size, and its share below it.
MEMORY_OF_A_PROCESSOR = 1769
# The START, END and REPORT lines that Lambda writes of each invocation, unless its level is raised.
_PLATFORM_BYTES = 338 + 3 * BYTES_A_LINE
# Lambda's pollers of a quiet queue, each of which asks every 20 seconds; a source with a
# MaximumConcurrency keeps all five.
_POLLERS, _QUIET_POLLERS, _SECONDS_A_POLL = 5, 2, 20
# An environment that nobody calls is gone after about so long.
_ENVIRONMENTS_AN_HOUR = 6


def own_seconds(cpu: float, memory_mb: int) -> float:
    """Return how long a function with its share of a processor computes."""
    return cpu * max(1.0, MEMORY_OF_A_PROCESSOR / memory_mb)


def billed_seconds(life: Life, step: str) -> float:
    """Return what Lambda bills for an invocation: waiting, and computing at its share."""
    usage = life.steps[step]
    waiting = sum(SECONDS[service] * times for service, times in usage.waits.items())
    seconds = waiting + own_seconds(usage.cpu, life.settings.memory_mb)
    if step.startswith("dispatch_queue"):
        seconds = max(seconds, life.settings.pace * usage.messages / usage.invocations)
    return math.ceil(seconds * 1000) / 1000


def million(life: Life) -> dict[str, float]:
    """Return the dollars for a million messages, item by item."""
    items: defaultdict[str, float] = defaultdict(float)
    for name, usage in life.steps.items():
        for item, price, amount in _charges(life, name):
            items[item] += amount * PRICES[price] * MILLION / usage.messages
    return {item: dollars for item, dollars in items.items() if dollars}


def _charges(life: Life, step: str) -> Iterator[tuple[str, str, float]]:
    """Give what a step is billed for: the item, its price, and how much of it."""
    settings, usage, function = life.settings, life.steps[step], step.partition(",")[0]
    invocations, sends, receives = usage.invocations, usage.calls.get("sqs", 0), 0
    log_bytes = len(usage.log) + usage.log.count(b"\n") * BYTES_A_LINE
    log_bytes += invocations * settings.has_platform_lines * _PLATFORM_BYTES
    if function in ("dispatch_queue", "forward_outcome"):
        # One request receives up to ten records, and one deletes them.
        receives = 2 * math.ceil(usage.messages / invocations / 10) * invocations
    elif function != "reconcile":
        yield "API Gateway", "HTTP API request", invocations
        log_bytes += invocations * settings.access_log_bytes
    yield "Lambda: requests", "Lambda request", invocations
    gb_seconds = invocations * billed_seconds(life, step) * settings.memory_mb / 1024
    yield "Lambda: duration", "Lambda GB-second", gb_seconds
    for index, units in usage.charges.write_units.items():
        yield f"DynamoDB: {'indexes' if index else 'writes'}", "DynamoDB write unit", units
    yield "DynamoDB: reads", "DynamoDB read unit", usage.charges.read_units
    yield "SQS: sending", "SQS request", sends
    yield "SQS: receiving and deleting", "SQS request", receives
    # Of requests to the send queues, all of which have groups.
    grouped = {"send_sms": sends, "dispatch_queue": receives}.get(function, 0)
    yield "SQS: fair queues", "SQS request of a group", grouped
    yield "CloudWatch Logs", "Logs GB", log_bytes / GB
    yield "X-Ray", "X-Ray trace", invocations * settings.traced
    yield "Data out", "Data out GB", usage.sent_bytes / GB


def month(stack: Stack, messages: int, life: Life, reconcile: Usage) -> dict[str, float]:
    """Return the dollars of a month with so many messages, spread over all of it.

    ``life`` is that of messages in this stack, ``reconcile`` its runs while nothing is open: their
    custom metrics are counted, too.
    """
    # Metric math is billed by the metrics in it.
    watched = sum(
        len([one for one in alarm.get("Metrics", ()) if "MetricStat" in one]) or 1
        for alarm in stack.everywhere("AWS::CloudWatch::Alarm")
    )
    logs = [reconcile.log, *(usage.log for usage in life.steps.values() if messages)]
    metrics = {one for log in logs for one in metrics_in(log)}
    (schedule,) = stack.resources["Reconcile"]["Events"].values()
    minutes = int(schedule["Properties"]["Schedule"].removeprefix("rate(").partition(" ")[0])
    a_run = sum(million(Life({"reconcile": reconcile}, life.settings)).values()) / MILLION
    # At most each of them is a new environment, which reads the secret.
    a_run += ("secretsmanager" in reconcile.calls) * PRICES["Secret call"]
    kept = sum(one.charges.stored_bytes / one.messages for one in life.steps.values())
    return {
        "Alarms": watched * PRICES["Alarm metric"],
        "Custom metrics": len(metrics) * PRICES["Custom metric"],
        "Secret": len(list(stack.everywhere("AWS::SecretsManager::Secret"))) * PRICES["Secret"],
        "Polling of the queues": sum(_polls(stack)) * PRICES["SQS request"],
        "Runs of reconcile": _DAYS * 1440 / minutes * a_run,
        "New environments": sum(_starts(messages, life)),
        "Messages": sum(million(life).values()) * messages / MILLION,
        "Records kept": messages * kept / GB * _MONTHS_KEPT * PRICES["DynamoDB GB-month"],
    }


def metrics_in(log: bytes) -> Iterator[str]:
    """Give the custom metrics that log lines hold in CloudWatch's embedded format."""
    for line in log.splitlines():
        content = json.loads(line) if b'"_aws"' in line else {}
        for block in content.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in block["Dimensions"]:
                dimensions = ",".join(f"{name}={content.get(name)}" for name in sorted(names))
                yield from (f"{metric['Name']}[{dimensions}]" for metric in block["Metrics"])


def _polls(stack: Stack) -> Iterator[float]:
    """Give the requests of a month in which Lambda finds a queue empty."""
    for function in stack.everywhere("AWS::Serverless::Function"):
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                is_limited = "MaximumConcurrency" in event["Properties"].get("ScalingConfig", {})
                pollers = _POLLERS if is_limited else _QUIET_POLLERS
                yield pollers * _DAYS * 86_400 / _SECONDS_A_POLL


def _starts(messages: int, life: Life) -> Iterator[float]:
    """Give the dollars of starts: with few messages each finds an environment of its own."""
    for usage in life.steps.values():
        invocations = usage.invocations / usage.messages * messages
        starts = min(invocations, _DAYS * 24 * _ENVIRONMENTS_AN_HOUR)
        gb_seconds = usage.start_cpu * life.settings.memory_mb / 1024
        yield starts * (gb_seconds * PRICES["Lambda GB-second"] + PRICES["Secret call"])
