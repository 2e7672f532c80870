"""`sms-bridge stats` and `failures`: how things stand, what failed lately, and why."""

import time
from dataclasses import asdict
from itertools import islice
from typing import Annotated

import typer

from bridge.activity import DAY, HOUR, Activity, activity_of, failed_messages
from bridge.options import AsJson, FullNumbers, Since
from bridge.queues import DEAD_LETTER_QUEUES, QUEUES, depth_of, reasons_in
from bridge.stack import FUNCTIONS, Stack
from bridge.survey import LOOKED_AT_MOST, take_survey
from bridge.terminal import columns, read_since, say, say_json, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import State


def stats(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the last hour and day, open messages and queues."""
    stack: Stack = context.obj
    now = time.time()
    with waiting("Reading log lines and open messages"):
        hour, day = (_figures(activity_of(stack, now - span, now)) for span in (HOUR, DAY))
        survey = take_survey(stack.messages, now)
    depths = {name: depth_of(stack, name) for name in QUEUES}
    reasons = {name: reasons_in(stack, name) for name in DEAD_LETTER_QUEUES if any(depths[name])}
    if as_json:
        oldest = survey.oldest_by_state
        say_json(
            {
                "lastHour": hour,
                "lastDay": day,
                "openMessages": {
                    state: {"count": count, "oldestAcceptedAt": timestamp(oldest[state])}
                    for state, count in survey.by_state.items()
                },
                "isComplete": survey.is_complete,
                "waiting": survey.by_state[State.WAITING],
                "unreportedOutcomes": survey.unreported,
                "unacknowledgedOutcomes": survey.unacknowledged,
                "givenUp": survey.given_up,
                "queues": {
                    name: {"ready": one.ready, "heldBack": one.held_back, "inWork": one.in_work}
                    for name, one in depths.items()
                },
                "deadLetters": reasons,
            }
        )
        return
    rows = [("last hour", *hour.values()), ("last day", *day.values())]
    headings = ("", "Accepted", "Delivered", "Failed", "Delivered %", "SMS", "Segments", "Price")
    say(*columns(rows, headings), "")
    open_messages = [
        (state, count, _span(now - survey.oldest_by_state[state]))
        for state, count in survey.by_state.most_common()
    ]
    if open_messages:
        say(*columns(open_messages, ("State", "Open messages", "Oldest")))
    else:
        say("No message is open.")
    if not survey.is_complete:
        say(f"(There are more; these are the {LOOKED_AT_MOST} that were looked at.)")
    say(f"Outcomes that MoEngage has not acknowledged yet: {survey.unreported}")
    say(f"  with at least one failed report: {survey.unacknowledged}")
    say(f"Outcomes that were given up: {survey.given_up.total()}")
    say(*(f"  {reason}: {count}" for reason, count in survey.given_up.most_common()))
    queues = [(name, *depth) for name, depth in depths.items()]
    say("", *columns(queues, ("Queue", "Ready", "Held back", "In work")))
    for name, found in reasons.items():
        say(*(f"  {name}, {reason}: {count}" for reason, count in found.most_common()))


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
    context: typer.Context,
    since: Since = "1h",
    listed: Annotated[
        bool,
        typer.Option(
            "--list",
            help="List the messages, for texting these people again: id, campaign and reason.",
        ),
    ] = False,
    reason: Annotated[str, typer.Option(help="With --list: only this reason.")] = "",
    full_numbers: FullNumbers = False,
    limit: Annotated[int, typer.Option(min=1, help="With --list: at most so many.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Count failed messages and refused requests, by reason.

    Numbers are listed only with --full-numbers.
    """
    stack: Stack = context.obj
    start = read_since(since)
    if listed:
        _list(stack, start, reason, limit, full_numbers=full_numbers, as_json=as_json)
        return
    with waiting("Reading log lines"):
        found = activity_of(stack, start)
    failed = sorted(
        ((one.count, why, one.example) for why, one in found.failures.items()), reverse=True
    )
    refused = [
        (count, why, function)
        for function in FUNCTIONS
        for why, count in found.of(function).refused.items()
    ]
    facts = {
        "failed": {why: asdict(one) for why, one in found.failures.items()},
        "refusedRequests": [
            {"count": count, "reason": why, "function": function}
            for count, why, function in refused
        ],
    }
    lines = [f"No message failed in the last {since}."]
    if failed:
        lines = columns(failed, ("Failed", "Reason", "Example"))
    if refused:
        lines += ["", *columns(refused, ("Refused requests", "Reason", "By"))]
    say_result(facts, *lines, as_json=as_json)


def _list(
    stack: Stack, since: float, reason: str, limit: int, *, full_numbers: bool, as_json: bool
) -> None:
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
    facts = {"messages": rows, "thereMayBeMore": len(rows) == limit}
    say_result(facts, *lines, as_json=as_json)
