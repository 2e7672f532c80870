"""`sms-bridge failures`: what failed lately, and why."""

import time
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

import typer

from bridge.activity import activity_of, failed_messages
from bridge.options import AsJson, FullNumbers, Since
from bridge.stack import FUNCTIONS, Stack
from bridge.terminal import columns, read_since, say_result, waiting


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
    start = read_since(since, time.time())
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
            dict(zip(("count", "reason", "function"), one, strict=True)) for one in refused
        ],
    }
    lines = (
        columns(failed, ("Failed", "Reason", "Example"))
        if failed
        else [f"No message failed in the last {since}."]
    )
    if refused:
        lines += ["", *columns(refused, ("Refused requests", "Reason", "By"))]
    say_result(facts, *lines, as_json=as_json)


def _list(
    stack: Stack, since: float, reason: str, limit: int, *, full_numbers: bool, as_json: bool
) -> None:
    with waiting("Reading log lines"):
        failed = (
            one
            for one in failed_messages(stack, since)
            if not reason or one.get("outcome_reason") == reason
        )
        rows: list[dict[str, Any]] = []
        for one in islice(failed, limit):
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
