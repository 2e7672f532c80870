"""`sms-bridge stats` and `failures`: how things stand, what failed lately, and why.

The table knows messages by id, recipient and campaign, and those that are not over; what happened
lately is counted from the functions' log lines, which have every figure, with every setting of
``Monitoring``.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from math import inf
from operator import attrgetter
from typing import Annotated, Any

from botocore.exceptions import ClientError
from typer import Option

from bridge.errors import BridgeError
from bridge.options import FullNumbers, Since
from bridge.queues import DEAD_LETTER_QUEUES, QUEUES, depth_of, reasons_in
from bridge.stack import FUNCTIONS, Stack
from bridge.terminal import columns, read_since, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, State

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
# More than this takes minutes to read, and the picture is the same.
_LOOKED_AT_MOST = 20_000

Row = Mapping[str, Any]


# ---------------------------------------------------------------------------------------- log lines
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
    return Activity(list(_rows(stack, _GROUPED, since)))


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
    logs = stack.aws.client("logs")
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


# ---------------------------------------------------------------------------------------- the table
@dataclass(frozen=True, slots=True)
class Survey:
    messages: list[Message]
    """Those that are open; of very many the first."""
    unreadable: list[str]
    """Ids of open items that cannot be read."""
    given_up: Counter[str]
    """Outcomes that were given up, by reason."""

    @property
    def by_state(self) -> Counter[State]:
        return Counter(one.state for one in self.messages)

    @property
    def oldest_by_state(self) -> dict[State, float]:
        """When the oldest in each state was accepted."""
        newest_first = sorted(self.messages, key=attrgetter("accepted_at"), reverse=True)
        return {one.state: one.accepted_at for one in newest_first}

    @property
    def unreported(self) -> list[Message]:
        """Messages whose outcome MoEngage has not acknowledged yet."""
        return [one for one in self.messages if one.outcome_is_open]


def take_survey(stack: Stack) -> Survey:
    unreadable: list[str] = []
    found = stack.messages.open_messages(
        until=inf, on_unreadable=lambda error: unreadable.append(error.item_id)
    )
    messages = list(islice(found, _LOOKED_AT_MOST))
    given_up = islice(stack.messages.given_up(since=0.0, until=inf), _LOOKED_AT_MOST)
    return Survey(messages, unreadable, Counter(one.outcome_given_up for one in given_up))


def has_waited(since: float, seconds: int) -> bool:
    """Return whether it is longer ago than this; what has not happened is not."""
    return bool(since) and time.time() - since > seconds


# -------------------------------------------------------------------------------------------- stats
def stats(stack: Stack) -> None:
    """Show the last hour and day, open messages and queues."""
    now = time.time()
    with waiting("Reading log lines and open messages"):
        hour, day = (_figures(activity_of(stack, now - span)) for span in (HOUR, DAY))
        survey = take_survey(stack)
    by_state, oldest = survey.by_state, survey.oldest_by_state
    unreported = len(survey.unreported)
    unacknowledged = sum(one.outcome_tries > 0 for one in survey.unreported)
    is_complete = by_state.total() < _LOOKED_AT_MOST
    depths = {name: depth_of(stack, name) for name in QUEUES}
    reasons = {
        name: reasons_in(stack, name) for name in DEAD_LETTER_QUEUES if any(depths[name].values())
    }
    facts = {
        "lastHour": hour,
        "lastDay": day,
        "openMessages": {
            state: {"count": count, "oldestAcceptedAt": timestamp(oldest[state])}
            for state, count in by_state.items()
        },
        "isComplete": is_complete,
        "waiting": by_state[State.WAITING],
        "unreportedOutcomes": unreported,
        "unacknowledgedOutcomes": unacknowledged,
        "givenUp": survey.given_up,
        "queues": depths,
        "deadLetters": reasons,
    }
    rows = [("last hour", *hour.values()), ("last day", *day.values())]
    headings = ("", "Accepted", "Delivered", "Failed", "Delivered %", "SMS", "Segments", "Price")
    lines = [*columns(rows, headings), ""]
    open_messages = [
        (state, count, _span(now - oldest[state])) for state, count in by_state.most_common()
    ]
    if open_messages:
        lines += columns(open_messages, ("State", "Open messages", "Oldest"))
    else:
        lines.append("No message is open.")
    if not is_complete:
        lines.append(f"(There are more; these are the {_LOOKED_AT_MOST} that were looked at.)")
    queues = [(name, *depth.values()) for name, depth in depths.items()]
    say_result(
        facts,
        *lines,
        f"Outcomes that MoEngage has not acknowledged yet: {unreported}",
        f"  with at least one failed report: {unacknowledged}",
        f"Outcomes that were given up: {survey.given_up.total()}",
        *(f"  {reason}: {count}" for reason, count in survey.given_up.most_common()),
        "",
        *columns(queues, ("Queue", "Ready", "Held back", "In work")),
        *(
            f"  {name}, {reason}: {count}"
            for name, found in reasons.items()
            for reason, count in found.most_common()
        ),
    )


def _figures(activity: Activity) -> dict[str, object]:
    figures = activity.figures
    over = figures["Delivered"] + figures["Failed"]
    return {
        "accepted": figures["Accepted"],
        "delivered": figures["Delivered"],
        "failed": figures["Failed"],
        "deliveredPercent": round(100 * figures["Delivered"] / over, 1) if over else "",
        "sms": figures["Sent"],
        "segments": figures["Segments"],
        "price": ", ".join(f"{cost:.2f} {name}" for name, cost in activity.cost.items()),
    }


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


# ----------------------------------------------------------------------------------------- failures
def failures(
    stack: Stack,
    since: Since = "1h",
    listed: Annotated[
        bool,
        Option(
            "--list",
            help="List the messages, for texting these people again: id, campaign and reason.",
        ),
    ] = False,
    reason: Annotated[str, Option(help="With --list: only this reason.")] = "",
    full_numbers: FullNumbers = False,
    limit: Annotated[int, Option(min=1, help="With --list: at most so many.")] = 1000,
) -> None:
    """Count failed messages and refused requests, by reason.

    Numbers are listed only with --full-numbers.
    """
    start = read_since(since)
    if listed:
        _list(stack, start, reason, limit, full_numbers=full_numbers)
        return
    with waiting("Reading log lines"):
        found = activity_of(stack, start)
    failed = sorted(
        ((one.count, why, one.example) for why, one in found.failures.items()), reverse=True
    )
    refused = [
        {"count": count, "reason": why, "function": function}
        for function in FUNCTIONS
        for why, count in found.refused(function).items()
    ]
    lines = [f"No message failed in the last {since}."]
    if failed:
        lines = columns(failed, ("Failed", "Reason", "Example"))
    if refused:
        rows = [list(one.values()) for one in refused]
        lines += ["", *columns(rows, ("Refused requests", "Reason", "By"))]
    by_reason = {why: asdict(one) for why, one in found.failures.items()}
    say_result({"failed": by_reason, "refusedRequests": refused}, *lines)


def _list(stack: Stack, since: float, reason: str, limit: int, *, full_numbers: bool) -> None:
    rows: list[dict[str, str]] = []
    with waiting("Reading log lines"):
        wanted = (
            one
            for one in _rows(stack, _FAILED, since)
            if one["message_id"] and reason in ("", one.get("outcome_reason"))
        )
        for one in islice(wanted, limit):
            row = {
                "umid": one["message_id"],
                "campaignId": one.get("campaign_id") or "",
                "reason": one.get("outcome_reason") or "",
            }
            if full_numbers:
                message = stack.messages.get(row["umid"])
                row["destination"] = message.destination if message else ""
            rows.append(row)
    lines = columns([list(one.values()) for one in rows], list(rows[0]) if rows else ())
    if len(rows) == limit:
        lines.append(f"There may be more: --limit is {limit}.")
    say_result({"messages": rows, "thereMayBeMore": len(rows) == limit}, *lines)
