"""`sms-bridge stats` and `failures`: how things stand, what failed lately, and why."""

import time
from dataclasses import asdict
from itertools import islice
from typing import Annotated

from typer import Option

from bridge.activity import DAY, HOUR, Activity, activity_of, failed_messages
from bridge.options import FullNumbers, Since
from bridge.queues import DEAD_LETTER_QUEUES, QUEUES, depth_of, reasons_in
from bridge.stack import FUNCTIONS, Stack
from bridge.survey import LOOKED_AT_MOST, take_survey
from bridge.terminal import columns, read_since, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.state import State


def stats(stack: Stack) -> None:
    """Show the last hour and day, open messages and queues."""
    now = time.time()
    with waiting("Reading log lines and open messages"):
        hour, day = (_figures(activity_of(stack, now - span)) for span in (HOUR, DAY))
        survey = take_survey(stack.messages)
    by_state, oldest = survey.by_state, survey.oldest_by_state
    unreported = len(survey.unreported)
    unacknowledged = sum(one.outcome_tries > 0 for one in survey.unreported)
    is_complete = by_state.total() < LOOKED_AT_MOST
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
        lines.append(f"(There are more; these are the {LOOKED_AT_MOST} that were looked at.)")
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


# --------------------------------------------------------------------------------------- failures
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
        failed = failed_messages(stack, since)
        wanted = (one for one in failed if reason in ("", one.get("outcome_reason")))
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
