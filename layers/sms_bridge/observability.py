"""The one logger, the metrics, and how an exception is logged.

An event is one line, and its metrics are part of it (CloudWatch's embedded metric format). No line
holds a message text, a whole phone number, a token or a key. An exception's own text may hold any
of them (botocore quotes the values it refuses), so it is never logged.
"""

import functools
import os
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import masked

logger = Logger(
    utc=True,
    use_rfc3339=True,
    log_uncaught_exceptions=False,
    # A message says where it comes from. The trace is read from the environment, which belongs to
    # another request when work goes on behind an answer.
    location=None,
    xray_trace_id=None,
)


def log_failure(message: str, error: BaseException, **fields: Any) -> None:
    """Log an exception by its type and the places it went through, without its text.

    Of an AWS error the line holds the code and the request id, which AWS Support asks for.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    response = getattr(error, "response", None)
    answer = response if isinstance(response, Mapping) else {}
    logger.error(
        message,
        error=type(error).__name__,
        error_at=" > ".join(places),
        aws_error=answer.get("Error", {}).get("Code") or None,
        aws_request_id=answer.get("ResponseMetadata", {}).get("RequestId") or None,
        **fields,
    )


def message_fields(message: Message) -> dict[str, Any]:
    """Return the log fields common to every line about a message."""
    return {
        "message_id": message.id,
        "campaign_id": message.campaign_id or None,
        "sub_account_id": message.sub_account_id or None,
        "recipient": masked(message.destination) or None,
        "recipient_hash": message.recipient_hash or None,
    }


# ----------------------------------------------------------------------------------------- metrics
_emf = EphemeralMetrics(namespace="SmsBridge")


class _Definition(NamedTuple):
    title: str
    unit: str = "Count"
    split_by: str = ""
    has_total: bool = True
    is_basic: bool = False


class Metric(_Definition, Enum):
    """Every metric: its name in CloudWatch, its unit, and how it is published.

    Each set of dimensions is a custom metric, which costs $0.30 a month. So few are split, by what
    has few values, and few are published with ``MONITORING=basic``.
    """

    # Sending
    ACCEPTED = _Definition("Accepted", is_basic=True)
    DUPLICATES = _Definition("DuplicatesCaught")
    REFUSED = _Definition("RequestsRefused", split_by="reason", has_total=False)
    SENT = _Definition("Sent", is_basic=True)
    REJECTED = _Definition("Rejected")
    AMBIGUOUS = _Definition("Ambiguous")
    THROTTLED = _Definition("Throttled")
    UNAUTHORIZED = _Definition("EightX8Unauthorized", is_basic=True)
    UNAVAILABLE = _Definition("EightX8Unavailable", is_basic=True)
    OPTED_OUT = _Definition("OptedOut")
    EXPIRED = _Definition("Expired", is_basic=True)
    ESTIMATED_SEGMENTS = _Definition("EstimatedSegments")
    SECONDS_TO_ANSWER = _Definition("AcceptToAnswer", "Seconds")
    LATE_ANSWERS = _Definition("LateAnswers")
    SECONDS_IN_QUEUE = _Definition("SecondsInSendQueue", "Seconds")
    # Receipts and inbound SMS
    RECEIPTS = _Definition("Receipts", split_by="receipt_state", is_basic=True)
    FOREIGN_RECEIPTS = _Definition("ReceiptsForUnknownMessages")
    SECONDS_TO_RECEIPT = _Definition("AcceptToFinalReceipt", "Seconds")
    SEGMENTS = _Definition("Segments")
    COST = _Definition("Cost", split_by="currency", has_total=False)
    INBOUND = _Definition("InboundMessages")
    NOT_UNDERSTOOD = _Definition("CallbacksNotUnderstood")
    # Outcomes
    DELIVERED = _Definition("Delivered", is_basic=True)
    FAILED = _Definition("Failed", split_by="outcome_reason", is_basic=True)
    FORWARDED = _Definition("OutcomesForwarded", is_basic=True)
    FORWARDS_RETRIED = _Definition("OutcomeForwardsRetried")
    FORWARDS_GIVEN_UP = _Definition("OutcomeForwardsGivenUp")
    SECONDS_TO_REPORTED = _Definition("DueToReported", "Seconds")
    # Reconcile
    STUCK = _Definition("MessagesStuck")


monitoring = os.environ.get("MONITORING", "full")
"""How many metrics are published: ``basic``, ``full`` or ``off``. The lines have all figures."""

Figure = float | Sequence[float]
"""A value of a metric, or all values of a line about many messages."""


def metric_fields(figures: Mapping[Metric, Figure]) -> dict[str, Any]:
    """Return the fields that make a log line carry metrics; it must have each ``split_by``, too."""
    fields: dict[str, Any] = {metric.title: figure for metric, figure in figures.items()}
    if directives := _directives(tuple(figures), monitoring):
        fields["_aws"] = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}
    return fields


@functools.lru_cache
def _directives(metrics: tuple[Metric, ...], published: str) -> list[Any]:
    """Return what tells CloudWatch which fields are metrics: the same few combinations recur."""
    by_dimensions: defaultdict[tuple[tuple[str, ...], ...], list[Metric]] = defaultdict(list)
    for metric in metrics:
        has_total = {"full": metric.has_total, "basic": metric.is_basic}.get(published)
        # The service is the stack, which the logger names in each line.
        sets: list[tuple[str, ...]] = [("service",)] if has_total else []
        if published == "full" and metric.split_by:
            sets.append(("service", metric.split_by))
        if sets:
            by_dimensions[tuple(sets)].append(metric)
    directives: list[Any] = []
    for dimensions, some in by_dimensions.items():
        block = _emf.serialize_metric_set(
            metrics={metric.title: {"Unit": metric.unit, "Value": 0} for metric in some},
            dimensions=dict.fromkeys(dimensions[0], ""),
        )
        [directive] = block["_aws"]["CloudWatchMetrics"]
        directives.append({**directive, "Dimensions": dimensions})
    return directives
