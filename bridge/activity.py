"""What happened lately, counted from the functions' log lines.

The table knows messages by id, recipient and campaign, not by time; the lines have every figure,
with every setting of ``Monitoring``.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bridge.errors import BridgeError
from bridge.stack import FUNCTIONS, Stack

HOUR, DAY = 3600.0, 86_400.0

# Keys of the lines: figures are added up, and the others tell rows apart.
_FIGURES = (
    *("Accepted", "Sent", "Rejected", "Delivered", "Failed", "OptedOut", "Expired", "Segments"),
    *("Cost", "RequestsRefused", "CallbacksNotUnderstood", "InboundMessages"),
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


@dataclass(frozen=True, slots=True)
class Activity:
    """Figures of a span of time, from lines or from rows that sum lines up."""

    rows: Sequence[Row]

    @property
    def figures(self) -> Counter[str]:
        return Counter({name: sum(_count(row, name) for row in self.rows) for name in _FIGURES})

    @property
    def cost(self) -> Mapping[str, float]:
        """What 8x8 took, by currency."""
        found: defaultdict[str, float] = defaultdict(float)
        for row in self.rows:
            if row.get("Cost"):
                found[str(row.get("currency") or "")] += float(row["Cost"])
        return found

    def by(self, figure: str, *keys: str) -> dict[str, Reason]:
        """Return a figure by the first of the keys that a row has."""
        found: dict[str, Reason] = {}
        for row in self.rows:
            if count := _count(row, figure):
                key = next((row[one] for one in keys if row.get(one)), "unknown")
                reason = found.setdefault(str(key), Reason())
                reason.count += count
                reason.example = row.get("example") or reason.example
        return found

    def refused(self, function: str) -> Counter[str]:
        """Return how many requests a function refused, by reason."""
        own = Activity([row for row in self.rows if row["function"] == function])
        found = own.by("RequestsRefused", "reason")
        return Counter({reason: one.count for reason, one in found.items()})

    @property
    def failures(self) -> dict[str, Reason]:
        """Messages that failed for good, by reason."""
        return self.by("Failed", "outcome_reason", "reason")


def _count(row: Row, figure: str) -> int:
    return int(float(row.get(figure) or 0))


def activity_of(stack: Stack, since: float) -> Activity:
    """Count what happened since then, in seconds since the epoch."""
    return Activity(list(_rows(stack, _GROUPED, since)))


def failed_messages(stack: Stack, since: float) -> list[Row]:
    """Return the messages that failed for good since then: id, campaign and reason."""
    return [row for row in _rows(stack, _FAILED, since) if row["message_id"]]


def _rows(stack: Stack, query: str, since: float) -> Iterator[Row]:
    """Ask Logs Insights; an emulator that cannot add up is asked for the lines themselves."""
    groups = {stack.resource(f"{one}LogGroup"): one for one in FUNCTIONS}
    rows = _lines if stack.is_local else _sums
    try:
        for row in rows(stack, list(groups), query, since):
            # Logs Insights names the account before the group.
            group = str(row.get("@log")).rpartition(":")[2]
            yield {**row, "function": groups.get(group, "")}
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise BridgeError(
            "a function's log group was deleted, so nothing can be counted",
            id="log-group-missing",
            remedy="make deploy brings it back",
        ) from None


def _sums(stack: Stack, groups: list[str], query: str, since: float) -> Iterator[Row]:
    logs = stack.client("logs")
    query_id = logs.start_query(
        logGroupNames=groups,
        startTime=int(since),
        endTime=int(time.time()),
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
        sums = {name: row.get(f"n{number}") for number, name in enumerate(_FIGURES)}
        yield {"message_id": "", **row, **sums}


def _lines(stack: Stack, groups: list[str], query: str, since: float) -> Iterator[Row]:
    # What the queries filter by.
    figures = ("Failed",) if query == _FAILED else _FIGURES
    span = {"startTime": int(since * 1000), "endTime": int(time.time() * 1000)}
    for group in groups:
        which = {"logGroupName": group, **span}
        for event in stack.listed("logs", "filter_log_events", "events[]", **which):
            try:
                line = json.loads(event["message"])
            except ValueError:
                continue
            if isinstance(line, dict) and not line.keys().isdisjoint(figures):
                message_id = line.get("message_id", "")
                yield {**line, "message_id": message_id, "example": message_id, "@log": group}
