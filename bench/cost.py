"""What a million messages cost, from what a run saw and from assumptions that are written here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench import prices
from bench.usage import Life, Usage
from sms_bridge.domain.retry_policy import seconds_for

MILLION = 1_000_000
GB = 1024**3
_DAYS_A_MONTH = 30

# A function has one processor's power at this memory size, and its share below it.
_MEMORY_OF_A_PROCESSOR = 1769

# CloudWatch Logs adds this to every line that it takes in.
_BYTES_A_LINE = 26

# The lines that Lambda itself writes of each invocation, unless its level is raised.
_PLATFORM_LINES = (
    "START RequestId: 00000000-0000-4000-8000-000000000000 Version: $LATEST\n"
    "END RequestId: 00000000-0000-4000-8000-000000000000\n"
    "REPORT RequestId: 00000000-0000-4000-8000-000000000000\tDuration: 162.83 ms\t"
    "Billed Duration: 163 ms\tMemory Size: 512 MB\tMax Memory Used: 50 MB\t\n"
)
# What its last line has beside that for a traced one.
_TRACED = (
    "XRAY TraceId: 1-69c25999-000000000000000000000001\tSegmentId: 0123456789abcdef\t"
    "Sampled: true\n"
)

LOOK_UPS = "DynamoDB: indexes for look-ups"
"""The item that is left out where nobody looks up messages by number or campaign."""

# The bridge's and the baseline's.
_LOOK_UP_INDEXES = {"recipient", "campaign", "by_recipient", "by_campaign"}

# SQS gives and deletes at most so many records in one request.
_RECORDS_A_REQUEST = 10


TRACED_SHARE = 0.05
"""Of the invocations where X-Ray traces at all, beyond one a second."""


@dataclass(frozen=True)
class Assumptions:
    """What no run on loopback can tell.

    Attributes
    ----------
    seconds
        How long each service takes to answer, network included.
    memory_mb
        Of each function.
    traced
        The share of invocations that X-Ray traces beyond one a second; 0 without tracing.
    platform_lines
        Whether Lambda writes its own lines of each invocation.
    access_log_bytes
        A line of the API's access log; 0 without one.
    messages_a_second
        How fast the million come. Tells how many execution environments read the secret.
    secret_max_age
        Seconds.
    send_rate, dispatchers
        The pace of the send queue, and how many functions keep it at once.
    days_kept
        Of a message's record.
    """

    seconds: Mapping[str, float] = field(
        default_factory=lambda: {
            "8x8": 0.150,
            "moengage": 0.100,
            "dynamodb": 0.005,
            "sqs": 0.010,
            "secretsmanager": 0.030,
        }
    )
    memory_mb: int = 512
    traced: float = TRACED_SHARE
    platform_lines: bool = True
    access_log_bytes: int = 0
    messages_a_second: float = 1000.0
    secret_max_age: float = 300.0
    send_rate: float = 1500.0
    dispatchers: int = 20
    days_kept: int = 90


def billed_seconds(usage: Usage, assumptions: Assumptions, *, paced: bool = False) -> float:
    """Return what Lambda bills for one invocation: waiting, and computing at its share.

    Parameters
    ----------
    paced
        Whether it takes its time so that all keep under the send rate.
    """
    waiting = sum(assumptions.seconds[service] * times for service, times in usage.waits.items())
    computing = usage.cpu * max(1.0, _MEMORY_OF_A_PROCESSOR / assumptions.memory_mb)
    seconds = waiting + computing
    if paced:
        batch = math.ceil(usage.messages / usage.invocations)
        pace = seconds_for(batch, rate=assumptions.send_rate, at_once=assumptions.dispatchers)
        seconds = max(seconds, pace)
    return math.ceil(seconds * 1000) / 1000


def cost_of(life: Life, assumptions: Assumptions) -> dict[str, float]:
    """Return the dollars that a million messages cost, item by item."""
    items: dict[str, float] = {}

    def add(item: str, dollars: float) -> None:
        items[item] = items.get(item, 0.0) + dollars

    for name, usage in life.steps.items():
        a_message = MILLION / usage.messages
        invocations = usage.invocations * a_message
        by_queue = name.startswith(("dispatch_queue", "forward_outcome"))
        seconds = billed_seconds(usage, assumptions, paced=name.startswith("dispatch_queue"))
        gb_seconds = invocations * seconds * assumptions.memory_mb / 1024
        lines = usage.log_lines * a_message
        log_bytes = usage.log_bytes * a_message
        if assumptions.platform_lines:
            lines += invocations * _PLATFORM_LINES.count("\n")
            log_bytes += invocations * (len(_PLATFORM_LINES) + assumptions.traced * len(_TRACED))
        if by_queue:
            records = usage.messages / usage.invocations
            requests = 2 * math.ceil(records / _RECORDS_A_REQUEST)
            add("SQS: receiving and deleting", invocations * requests * prices.SQS_REQUEST)
        else:
            add("API Gateway: requests", invocations * prices.HTTP_API_REQUEST)
            if assumptions.access_log_bytes:
                lines += invocations
                log_bytes += invocations * assumptions.access_log_bytes
        add("Lambda: requests", invocations * prices.LAMBDA_REQUEST)
        add("Lambda: duration", gb_seconds * prices.LAMBDA_GB_SECOND)
        add("DynamoDB: writes", usage.table_writes * a_message * prices.DYNAMODB_WRITE_UNIT)
        for index, units in usage.index_writes.items():
            item = LOOK_UPS if index in _LOOK_UP_INDEXES else "DynamoDB: index of open messages"
            add(item, units * a_message * prices.DYNAMODB_WRITE_UNIT)
        add("DynamoDB: reads", usage.reads * a_message * prices.DYNAMODB_READ_UNIT)
        add("SQS: sending", usage.calls_to("sqs") * a_message * prices.SQS_REQUEST)
        add("CloudWatch Logs", (log_bytes + lines * _BYTES_A_LINE) / GB * prices.LOGS_GB)
        add("X-Ray", invocations * assumptions.traced * prices.XRAY_TRACE)
        add("Data out", usage.sent_bytes * a_message / GB * prices.DATA_OUT_GB)
        add(
            "Secrets Manager", _secret_calls(invocations, seconds, assumptions) * prices.SECRET_CALL
        )
    return items


def _secret_calls(invocations: float, seconds: float, assumptions: Assumptions) -> float:
    """Each environment that runs reads the secret when it starts, and when it is too old."""
    lasts = MILLION / assumptions.messages_a_second
    environments = math.ceil(invocations * seconds / lasts)
    return environments * math.ceil(lasts / assumptions.secret_max_age)


def cost_of_keeping(life: Life, assumptions: Assumptions) -> float:
    """Return the dollars for a million records as long as they are kept, with their backups."""
    gb_months = life.stored_bytes * MILLION / GB * assumptions.days_kept / _DAYS_A_MONTH
    return gb_months * (prices.DYNAMODB_GB_MONTH + prices.DYNAMODB_BACKUP_GB_MONTH)
