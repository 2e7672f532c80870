"""What happened lately, counted from the functions' log lines.

The table knows messages by id, recipient and campaign, not by time; the lines have every figure,
with every setting of ``Monitoring``.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import BridgeError
from bridge.stack import FUNCTIONS, Stack

HOUR, DAY = 3600.0, 86_400.0

# Keys of the lines: figures are added up, and the others tell rows apart.
_FIGURES = (
    *("Accepted", "Sent", "Rejected", "Delivered", "Failed", "OptedOut", "Expired"),
    *("Receipts", "ReceiptsForUnknownMessages", "Segments", "Cost", "RequestsRefused"),
    *("CallbacksNotUnderstood", "OutcomeForwardsRetried", "InboundMessages"),
)
_KEYS = ("reason", "outcome_reason", "currency", "sub_account_id", "@log")
_GROUPED = (
    f"filter {' or '.join(f'ispresent({name})' for name in _FIGURES)} | stats "
    + ", ".join(f"sum({name}) as n{number}" for number, name in enumerate(_FIGURES))
    + f", latest(message_id) as example by {', '.join(_KEYS)}"
)
_FAILED = "filter ispresent(Failed) | fields @timestamp, message_id, campaign_id, outcome_reason"
_ROWS_AT_MOST = 10_000
_SECONDS_BETWEEN_LOOKS = 0.5
_LOOKS = 240

Row = Mapping[str, Any]


@dataclass(slots=True)
class Reason:
    """How many messages a reason met, and one of them."""

    count: int = 0
    example: str = ""


@dataclass(slots=True)
class Activity:
    """Figures of a span of time.

    Attributes
    ----------
    refused
        Requests that the bridge refused, by function and reason.
    rejected
        Messages that 8x8 refused, by reason.
    failures
        Messages that failed for good, by reason.
    receipts
        Of messages that the bridge sent.
    accepted, inbound
        Messages, and SMS from people, by sub-account.
    cost
        By currency.
    """

    figures: Counter[str] = field(default_factory=Counter)
    refused: dict[tuple[str, str], Reason] = field(default_factory=dict)
    rejected: dict[str, Reason] = field(default_factory=dict)
    failures: dict[str, Reason] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    inbound: Counter[str] = field(default_factory=Counter)
    cost: dict[str, float] = field(default_factory=dict)

    @property
    def receipts(self) -> int:
        """Receipts of messages that the bridge sent."""
        return self.figures["Receipts"] - self.figures["ReceiptsForUnknownMessages"]

    def refused_by(self, function: str, *reasons: str) -> int:
        """Return how many requests a function refused for any of these reasons."""
        found = (self.refused.get((function, reason)) for reason in reasons)
        return sum(one.count for one in found if one)

    def add(self, row: Row, function: str) -> None:
        """Count a line, or many that are one row."""
        for name in _FIGURES:
            if name != "Cost":
                self.figures[name] += int(float(row.get(name) or 0))
        if row.get("Cost"):
            currency = str(row.get("currency") or "")
            self.cost[currency] = self.cost.get(currency, 0.0) + float(row["Cost"])
        sub_account_id = str(row.get("sub_account_id") or "")
        for name, counts in (("Accepted", self.accepted), ("InboundMessages", self.inbound)):
            if row.get(name):
                counts[sub_account_id] += int(float(row[name]))
        reason, example = str(row.get("reason") or ""), str(row.get("example") or "")
        _add(self.refused, (function, reason), row.get("RequestsRefused"), "")
        _add(self.rejected, reason, row.get("Rejected"), example)
        why = str(row.get("outcome_reason") or reason or "unknown")
        _add(self.failures, why, row.get("Failed"), example)


def _add[Key](reasons: dict[Key, Reason], key: Key, count: Any, example: str) -> None:
    if count:
        found = reasons.setdefault(key, Reason())
        found.count += int(float(count))
        found.example = example or found.example


def activity_of(stack: Stack, since: float, until: float | None = None) -> Activity:
    """Count what happened in a span of time, in seconds since the epoch."""
    found = Activity()
    groups = _log_groups(stack)
    for row in _rows(stack, groups, _GROUPED, since, until or time.time()):
        function = next(
            (one for one, group in groups.items() if str(row.get("@log")).endswith(group)), ""
        )
        found.add(row, function)
    return found


def failed_messages(stack: Stack, since: float) -> list[Row]:
    """Return the messages that failed for good since then: id, campaign and reason."""
    rows = _rows(stack, _log_groups(stack), _FAILED, since, time.time())
    return [row for row in rows if row["message_id"] and (row.get("Failed") or not stack.is_local)]


def _log_groups(stack: Stack) -> dict[str, str]:
    names = {one: f"{one}LogGroup" for one in FUNCTIONS}
    return {one: stack.resources[name].id for one, name in names.items() if name in stack.resources}


def _rows(
    stack: Stack, groups: Mapping[str, str], query: str, since: float, until: float
) -> Iterator[Row]:
    """Ask Logs Insights; an emulator that cannot add up is asked for the lines themselves."""
    if not groups:
        return
    if stack.is_local:
        yield from _lines(stack, groups, since, until)
        return
    logs = stack.client("logs")
    query_id = logs.start_query(
        logGroupNames=list(groups.values()),
        startTime=int(since),
        endTime=int(until),
        queryString=query,
        limit=_ROWS_AT_MOST,
    )["queryId"]
    for _ in range(_LOOKS):
        answer = logs.get_query_results(queryId=query_id)
        if answer["status"] not in ("Scheduled", "Running"):
            break
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    if answer["status"] != "Complete":
        raise BridgeError(
            f"Logs Insights did not answer ({answer['status']})",
            id="logs-unreadable",
            remedy="ask for a shorter time with --since",
        )
    for result in answer["results"]:
        row = {one["field"]: one["value"] for one in result}
        yield {
            **row,
            **{name: row.get(f"n{number}") for number, name in enumerate(_FIGURES)},
            "message_id": row.get("message_id", ""),
        }


def _lines(stack: Stack, groups: Mapping[str, str], since: float, until: float) -> Iterator[Row]:
    pages = stack.client("logs").get_paginator("filter_log_events")
    for group in groups.values():
        for page in pages.paginate(
            logGroupName=group, startTime=int(since * 1000), endTime=int(until * 1000)
        ):
            for event in page["events"]:
                line = _object(event["message"])
                if any(name in line for name in _FIGURES):
                    message_id = line.get("message_id", "")
                    yield {**line, "message_id": message_id, "example": message_id, "@log": group}


def _object(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
