"""Metrics, as CloudWatch's embedded metric format.

A metric travels in the log line that tells the same of one message: one write serves both, and
every point of a graph leads to its lines. (What 8x8 took of a batch is measured in one line more.)
The dimensions are named after the line's own keys.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

NAMESPACE = "SmsBridge"

SERVICE = "service"
"""The dimension that all metrics have: the stack's name, which the logger writes into each line."""


class Metric(Enum):
    """Every metric that the bridge emits: name, unit, and the key that it is split by, if any.

    The keys have few values: 8x8's codes and states, the bridge's own codes, currencies.
    """

    # Sending
    ACCEPTED = ("Accepted", "Count", "")
    DUPLICATES = ("DuplicatesCaught", "Count", "")
    REFUSED = ("RequestsRefused", "Count", "code")
    FAILED = ("RequestsFailed", "Count", "")
    SENT = ("Sent", "Count", "")
    REJECTED = ("Rejected", "Count", "reason")
    AMBIGUOUS = ("Ambiguous", "Count", "reason")
    THROTTLED = ("Throttled", "Count", "")
    QUEUED = ("Queued", "Count", "")
    UNAUTHORIZED = ("EightX8Unauthorized", "Count", "")
    OPTED_OUT = ("OptedOut", "Count", "")
    ESTIMATED_SEGMENTS = ("EstimatedSegments", "Count", "")
    SECONDS_TO_ANSWER = ("AcceptToAnswer", "Seconds", "")
    SECONDS_IN_QUEUE = ("SecondsInSendQueue", "Seconds", "")
    # Receipts and inbound SMS
    RECEIPTS = ("Receipts", "Count", "receipt_state")
    FOREIGN_RECEIPTS = ("ReceiptsForUnknownMessages", "Count", "")
    SECONDS_TO_RECEIPT = ("AcceptToFinalReceipt", "Seconds", "")
    SEGMENTS = ("Segments", "Count", "")
    COST = ("Cost", "None", "currency")
    INBOUND = ("InboundMessages", "Count", "wish")
    NOT_UNDERSTOOD = ("CallbacksNotUnderstood", "Count", "")
    # Outcomes
    OUTCOMES = ("Outcomes", "Count", "outcome")
    FAILURES = ("FailedOutcomes", "Count", "outcome_reason")
    FORWARDED = ("OutcomesForwarded", "Count", "")
    FORWARDS_RETRIED = ("OutcomeForwardsRetried", "Count", "")
    FORWARDS_GIVEN_UP = ("OutcomeForwardsGivenUp", "Count", "given_up")
    SECONDS_TO_TOLD = ("DueToTold", "Seconds", "")
    # What got stuck
    STUCK = ("MessagesStuck", "Count", "finding")
    SETTLED = ("MessagesSettled", "Count", "")

    def __init__(self, title: str, unit: str, split_by: str) -> None:
        self.title = title
        self.unit = unit
        self.split_by = split_by


MOST_VALUES = 100
"""Of one metric in one line."""


def measured(values: Mapping[Metric, float | list[float]], now: float) -> dict[str, Any]:
    """Return the keys that make a log line carry metrics.

    Parameters
    ----------
    values
        The line must have a key for each metric's ``split_by``. A list is as many values of the
        metric.
    now
        Seconds since the epoch.
    """
    by_key: dict[str, list[Metric]] = {}
    for metric in values:
        by_key.setdefault(metric.split_by, []).append(metric)
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [[SERVICE], [SERVICE, key]] if key else [[SERVICE]],
            "Metrics": [{"Name": metric.title, "Unit": metric.unit} for metric in metrics],
        }
        for key, metrics in by_key.items()
    ]
    return {
        "_aws": {"Timestamp": round(now * 1000), "CloudWatchMetrics": directives},
        **{metric.title: value for metric, value in values.items()},
    }
