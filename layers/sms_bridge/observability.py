"""The one logger, and how an exception is written down.

No line holds a message text, a whole phone number, a token or a key. An exception's own text may
hold any of them (botocore quotes the values it refuses), so it is never logged.
"""

import functools
import logging
import os
import time
import traceback
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from aws_lambda_powertools import Logger

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import masked
from sms_bridge.json_text import json_text

_NOT_WRITTEN = ("level", "location", "message", "timestamp")


class LineLogger(Logger):
    """Powertools' logger, whose lines are written in a third of the time.

    Level, service, the request's keys and where the lines go are Powertools'. There are no log
    records, no place in the code, no formats: a line is its keys, and a key that says nothing
    (an empty text) is left out.
    """

    def info(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line."""
        self._write(logging.INFO, msg, [_text_of(keys)])

    def warning(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line about what somebody may have to look at."""
        self._write(logging.WARNING, msg, [_text_of(keys)])

    def error(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line about what went wrong."""
        self._write(logging.ERROR, msg, [_text_of(keys)])

    def info_many(self, message: str, texts: Iterable[str]) -> None:
        """Log many lines of one kind, in one go; of each its keys are given as a JSON object."""
        self._write(logging.INFO, message, texts)

    def _write(self, level: int, message: object, texts: Iterable[str]) -> None:
        if level < self.log_level:
            return
        handler: Any = self.registered_handler
        shared = {
            "level": logging.getLevelName(level),
            "message": message,
            "timestamp": timestamp(time.time()),
        }
        for name, value in handler.formatter.log_format.items():
            if value is not None and name not in _NOT_WRITTEN:
                shared[name] = value
        trace = os.environ.get("_X_AMZN_TRACE_ID", "")
        # Lambda gives every call an id; X-Ray knows those of the sample alone.
        if "Sampled=1" in trace:
            shared["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
        begins = json_text(shared)[:-1]
        lines = [f"{begins},{text[1:]}\n" if len(text) > 2 else f"{begins}}}\n" for text in texts]
        with handler.lock:
            handler.stream.write("".join(lines))
            handler.flush()


def _text_of(keys: dict[str, Any]) -> str:
    directives = keys.pop(DIRECTIVES, "")
    text = json_text({name: value for name, value in keys.items() if value != ""})
    if not directives:
        return text
    return f'{text[:-1]}{"," if len(text) > 2 else ""}"{DIRECTIVES}":{directives}}}'


logger = LineLogger(log_uncaught_exceptions=False)


def log_failure(message: str, error: BaseException, **facts: Any) -> None:
    """Log an exception by its type and the places it went through, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    logger.error(message, error=type(error).__name__, error_at=" > ".join(places), **facts)


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
    INBOUND = ("InboundMessages", "", "opt_request")
    NOT_UNDERSTOOD = ("CallbacksNotUnderstood", "", "")
    # Outcomes
    OUTCOMES = ("Outcomes", "", "outcome")
    FAILURES = ("FailedOutcomes", "", "outcome_reason")
    FORWARDED = ("OutcomesForwarded", "", "")
    FORWARDS_RETRIED = ("OutcomeForwardsRetried", "", "")
    FORWARDS_GIVEN_UP = ("OutcomeForwardsGivenUp", "", "given_up")
    SECONDS_TO_REPORTED = ("DueToReported", "Seconds", "")
    # What got stuck
    STUCK = ("MessagesStuck", "", "finding")
    RESOLVED = ("MessagesResolved", "", "")

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
        reported = (
            {"Name": metric.title, "Unit": metric.unit} if metric.unit else {"Name": metric.title}
        )
        by_key.setdefault(metric.split_by, []).append(reported)
    return json_text(
        [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [[SERVICE], [SERVICE, key]] if key else [[SERVICE]],
                "Metrics": reported,
            }
            for key, reported in by_key.items()
        ]
    )


def identity_of(message: Message) -> dict[str, Any]:
    """Return what each log line about it holds: what names it, its campaign, its recipient."""
    return {
        "message_id": message.id,
        "campaign_id": message.campaign_id,
        "sub_account_id": message.sub_account_id,
        "recipient": masked(message.destination),
        "recipient_hash": message.recipient_hash,
    }
