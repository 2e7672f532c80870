"""Metrics, as CloudWatch's embedded metric format.

A metric travels in the log line that tells the same of one message: one write serves both, and
every point of a graph leads to its lines. (What 8x8 took of a batch is measured in one line more.)
The dimensions are named after the line's own keys.
"""

import functools
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from sms_bridge.json_text import json_text

NAMESPACE = "SmsBridge"

DIRECTIVES = "_aws"
"""The key under which CloudWatch looks for what is a metric. Its value is JSON."""

SERVICE = "service"
"""The dimension that all metrics have: the stack's name, which the logger writes into each line."""


class Metric(Enum):
    """Every metric that the bridge emits: name, unit, and the key that it is split by, if any.

    Counts have no unit: "Count" would stand in every line and tell nothing that the name does not.
    The keys have few values: 8x8's codes and states, the bridge's own codes, currencies.
    """

    # Sending
    ACCEPTED = ("Accepted", "", "")
    DUPLICATES = ("DuplicatesCaught", "", "")
    REFUSED = ("RequestsRefused", "", "code")
    FAILED = ("RequestsFailed", "", "")
    SENT = ("Sent", "", "")
    REJECTED = ("Rejected", "", "reason")
    AMBIGUOUS = ("Ambiguous", "", "reason")
    THROTTLED = ("Throttled", "", "")
    QUEUED = ("Queued", "", "")
    UNAUTHORIZED = ("EightX8Unauthorized", "", "")
    OPTED_OUT = ("OptedOut", "", "")
    ESTIMATED_SEGMENTS = ("EstimatedSegments", "", "")
    SECONDS_TO_ANSWER = ("AcceptToAnswer", "Seconds", "")
    SECONDS_IN_QUEUE = ("SecondsInSendQueue", "Seconds", "")
    # Receipts and inbound SMS
    RECEIPTS = ("Receipts", "", "receipt_state")
    FOREIGN_RECEIPTS = ("ReceiptsForUnknownMessages", "", "")
    SECONDS_TO_RECEIPT = ("AcceptToFinalReceipt", "Seconds", "")
    SEGMENTS = ("Segments", "", "")
    COST = ("Cost", "", "currency")
    INBOUND = ("InboundMessages", "", "wish")
    NOT_UNDERSTOOD = ("CallbacksNotUnderstood", "", "")
    # Outcomes
    OUTCOMES = ("Outcomes", "", "outcome")
    FAILURES = ("FailedOutcomes", "", "outcome_reason")
    FORWARDED = ("OutcomesForwarded", "", "")
    FORWARDS_RETRIED = ("OutcomeForwardsRetried", "", "")
    FORWARDS_GIVEN_UP = ("OutcomeForwardsGivenUp", "", "given_up")
    SECONDS_TO_TOLD = ("DueToTold", "Seconds", "")
    # What got stuck
    STUCK = ("MessagesStuck", "", "finding")
    SETTLED = ("MessagesSettled", "", "")

    def __init__(self, title: str, unit: str, split_by: str) -> None:
        self.title = title
        self.unit = unit
        self.split_by = split_by


MOST_VALUES = 100
"""Of one metric in one line."""


def measured(values: Mapping[Metric, float], now: float) -> dict[str, Any]:
    """Return the keys that make a log line carry metrics.

    Parameters
    ----------
    values
        The line must have a key for each metric's ``split_by``.
    now
        Seconds since the epoch.
    """
    return {
        **{metric.title: value for metric, value in values.items()},
        # As JSON already: it is as long as all the rest of a line.
        DIRECTIVES: directives_of(values, now),
    }


def directives_of(metrics: Iterable[Metric], now: float) -> str:
    """Return what tells CloudWatch that keys of a line are metrics, as JSON."""
    directives = _directives(tuple(metrics))
    return f'{{"Timestamp":{round(now * 1000)},"CloudWatchMetrics":{directives}}}'


@functools.lru_cache
def _directives(metrics: tuple[Metric, ...]) -> str:
    """Tell CloudWatch what is a metric of a line: the same few combinations again and again."""
    by_key: dict[str, list[dict[str, str]]] = {}
    for metric in metrics:
        told = (
            {"Name": metric.title, "Unit": metric.unit} if metric.unit else {"Name": metric.title}
        )
        by_key.setdefault(metric.split_by, []).append(told)
    return json_text(
        [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [[SERVICE], [SERVICE, key]] if key else [[SERVICE]],
                "Metrics": told,
            }
            for key, told in by_key.items()
        ]
    )
