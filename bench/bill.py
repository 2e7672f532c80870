"""What AWS charges: for a million messages, and for a month, item by item.

Usage is what a run counted, the month's fixed part is read from the template, so that neither can
go stale. Prices are AWS's list prices of us-east-1 in US dollars, November 2026. Of the free tiers
only the dashboards' is taken off: up to three of up to 50 metrics, as the templates' tests see to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.scenario import Life, Usage
from bench.template import Stack

MILLION = 1_000_000
GB = 1024**3
_DAYS_KEPT, _DAYS = 90, 30
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
    "Fast alarm metric": 0.30,  # a period below a minute
    "Custom metric": 0.30,
}
LOOK_UPS = "DynamoDB: indexes for look-ups"
_LOOK_UP_INDEXES = {"recipient", "campaign", "by_recipient", "by_campaign"}

# A function has one processor's power at this memory size, and its share below it.
MEMORY_OF_A_PROCESSOR = 1769
# CloudWatch Logs adds this to every line that it takes in.
_BYTES_A_LINE = 26
# The START, END and REPORT lines that Lambda writes of each invocation, unless its level is raised.
_PLATFORM_LINES, _PLATFORM_BYTES = 3, 338
_RECORDS_A_REQUEST = 10
# Lambda's pollers of a quiet queue, each of which asks every 20 seconds; a source with a
# MaximumConcurrency keeps all five.
_POLLERS, _QUIET_POLLERS, _SECONDS_A_POLL = 5, 2, 20
# An environment that nobody calls is gone after about so long.
_ENVIRONMENTS_AN_HOUR = 6


@dataclass(frozen=True)
class Assumptions:
    """What no run on loopback can tell.

    Attributes
    ----------
    seconds
        How long each service takes to answer, network included.
    pace
        Seconds that a message of a batch takes at least, so that all dispatchers together keep
        under the send rate.
    """

    memory_mb: int = 512
    traced: float = 0.0
    platform_lines: bool = False
    access_log_bytes: int = 0
    pace: float = 0.0
    seconds: Mapping[str, float] = field(
        default_factory=lambda: {
            "8x8": 0.150,
            "moengage": 0.100,
            "dynamodb": 0.005,
            "sqs": 0.010,
            "secretsmanager": 0.030,
        }
    )

    @classmethod
    def of(cls, stack: Stack) -> Assumptions:
        """Return those of the bridge as the template sets it up."""
        format_ = stack.evaluated.resources["HttpApi"]["AccessLogSettings"]["Format"]
        dispatchers, rate = stack.number("DispatchConcurrency"), stack.number("SendRateLimit")
        send = stack.functions["SendSms"]
        return cls(
            memory_mb=send["MemorySize"],
            traced=0.05 if send.get("Tracing") == "Active" else 0.0,
            platform_lines=send["LoggingConfig"].get("SystemLogLevel") != "WARN",
            access_log_bytes=len(re.sub(r"\$context[\w.]+", "x" * 12, format_)),
            pace=2 * dispatchers / rate if rate else 0.0,
        )


AS_PEOPLE_WRITE_IT = Assumptions(traced=0.05, platform_lines=True)
"""The usual settings: X-Ray for the Tracer, Lambda's own lines, no access log."""


def billed_seconds(usage: Usage, assumed: Assumptions, *, paced: bool = False) -> float:
    """Return what Lambda bills for an invocation: waiting, and computing at its share."""
    waiting = sum(assumed.seconds[service] * times for service, times in usage.waits.items())
    seconds = waiting + own_seconds(usage.cpu, assumed.memory_mb)
    if paced:
        seconds = max(seconds, assumed.pace * usage.messages / usage.invocations)
    return math.ceil(seconds * 1000) / 1000


def own_seconds(cpu: float, memory_mb: int) -> float:
    """Return how long a function with its share of a processor computes."""
    return cpu * max(1.0, MEMORY_OF_A_PROCESSOR / memory_mb)


def million(life: Life, assumed: Assumptions) -> dict[str, float]:
    items: dict[str, float] = {}

    def add(item: str, amount: float, price: str) -> None:
        items[item] = items.get(item, 0.0) + amount * PRICES[price]

    for name, usage in life.steps.items():
        a_message = MILLION / usage.messages
        invocations = usage.invocations * a_message
        seconds = billed_seconds(usage, assumed, paced=name == "dispatch_queue")
        lines, log_bytes = usage.log_lines * a_message, usage.log_bytes * a_message
        if assumed.platform_lines:
            lines += invocations * _PLATFORM_LINES
            log_bytes += invocations * _PLATFORM_BYTES
        if name in ("dispatch_queue", "forward_outcome"):
            records = usage.messages / usage.invocations
            requests = 2 * math.ceil(records / _RECORDS_A_REQUEST)
            add("SQS: receiving and deleting", invocations * requests, "SQS request")
            if name == "dispatch_queue":
                send = life.steps["send_sms"]
                sends = send.calls["sqs"] / send.messages * MILLION
                in_groups = invocations * requests + sends
                add("SQS: fair queues", in_groups, "SQS request of a group")
        elif name != "reconcile":
            add("API Gateway", invocations, "HTTP API request")
            lines += invocations * bool(assumed.access_log_bytes)
            log_bytes += invocations * assumed.access_log_bytes
        add("Lambda: requests", invocations, "Lambda request")
        add(
            "Lambda: duration", invocations * seconds * assumed.memory_mb / 1024, "Lambda GB-second"
        )
        for index, units in usage.write_units.items():
            item = "DynamoDB: index of open messages" if index else "DynamoDB: writes"
            item = LOOK_UPS if index in _LOOK_UP_INDEXES else item
            add(item, units * a_message, "DynamoDB write unit")
        add("DynamoDB: reads", usage.read_units * a_message, "DynamoDB read unit")
        add("SQS: sending", usage.calls.get("sqs", 0) * a_message, "SQS request")
        add("CloudWatch Logs", (log_bytes + lines * _BYTES_A_LINE) / GB, "Logs GB")
        add("X-Ray", invocations * assumed.traced, "X-Ray trace")
        add("Data out", usage.sent_bytes * a_message / GB, "Data out GB")
    return {item: dollars for item, dollars in items.items() if dollars}


def keeping(life: Life) -> float:
    """Return the dollars for a million records as long as they are kept, with their backups."""
    months = _DAYS_KEPT / _DAYS
    return life.stored_bytes * MILLION / GB * months * PRICES["DynamoDB GB-month"]


# ------------------------------------------------------------------------------------- the month
def month(
    stack: Stack, messages: int, life: Life, reconcile: Usage, assumed: Assumptions
) -> dict[str, float]:
    """Return the dollars of a month with so many messages, spread over all of it.

    Parameters
    ----------
    life
        Of messages in this stack: its custom metrics are counted, too.
    reconcile
        Its runs while nothing is open.
    """
    metrics = set(reconcile.metrics) | (life.metrics if messages else set())
    share = messages / MILLION
    return {
        "Alarms": sum(_alarms(stack)),
        "Custom metrics": len(metrics) * PRICES["Custom metric"],
        "Secret": len(list(stack.everywhere("AWS::SecretsManager::Secret"))) * PRICES["Secret"],
        "Polling of the queues": sum(_polls(stack)) * PRICES["SQS request"],
        "Runs of reconcile": _runs(stack, reconcile, assumed),
        "New environments": _starts(messages, life, assumed),
        "Messages": sum(million(life, assumed).values()) * share,
        "Records kept": keeping(life) * share,
    }


def _alarms(stack: Stack) -> Iterator[float]:
    """Give the price of each alarm: metric math is billed by the metrics in it."""
    for alarm in stack.everywhere("AWS::CloudWatch::Alarm"):
        queries = [one["MetricStat"] for one in alarm.get("Metrics", ()) if "MetricStat" in one]
        for one in queries or [alarm]:
            yield PRICES["Alarm metric" if int(one["Period"]) >= 60 else "Fast alarm metric"]


def _polls(stack: Stack) -> Iterator[float]:
    """Give the requests of a month in which Lambda finds a queue empty."""
    for function in stack.functions.values():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                scaling = event["Properties"].get("ScalingConfig", {})
                pollers = _POLLERS if "MaximumConcurrency" in scaling else _QUIET_POLLERS
                yield pollers * _DAYS * 86_400 / _SECONDS_A_POLL


def _runs(stack: Stack, usage: Usage, assumed: Assumptions) -> float:
    """Return the dollars of the runs of `reconcile`, with an environment of their own."""
    (event,) = stack.functions["Reconcile"]["Events"].values()
    minutes = int(event["Properties"]["Schedule"].removeprefix("rate(").partition(" ")[0])
    a_run = sum(million(Life({"reconcile": usage}), assumed).values()) / MILLION
    # At most each of them reads the secret.
    return _DAYS * 1440 / minutes * (a_run + usage.reads_secret * PRICES["Secret call"])


def _starts(messages: int, life: Life, assumed: Assumptions) -> float:
    """Return the dollars of starts: with few messages each finds an environment of its own."""
    dollars = 0.0
    for usage in life.steps.values():
        invocations = usage.invocations / usage.messages * messages
        starts = min(invocations, _DAYS * 24 * _ENVIRONMENTS_AN_HOUR)
        gb_seconds = starts * usage.start_cpu * assumed.memory_mb / 1024
        dollars += gb_seconds * PRICES["Lambda GB-second"] + starts * PRICES["Secret call"]
    return dollars
