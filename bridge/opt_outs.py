"""`sms-bridge opt-outs`: who does not want to be texted, in figures, and how to undo one."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, AsJson, Since, Yes, read_number
from bridge.stack import Stack
from bridge.terminal import columns, confirm, progress, read_since, say, say_json, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.phone_number import keyed_hash, masked

_PREFIX = "opt-out "
_DAY = slice(0, 10)


class _OptOut(NamedTuple):
    id: str
    sub_account_id: str
    recipient_hash: str
    at: str


def opt_outs(
    context: typer.Context,
    by_day: Annotated[bool, typer.Option("--by-day", help="Count them by day.")] = False,
    since: Since = "",
    sub_account: Annotated[
        str | None, typer.Option("--sub-account", help="Only of this sub-account.")
    ] = None,
    clear: Annotated[
        str | None,
        typer.Option(
            callback=read_number,
            metavar="NUMBER",
            help=f"Remove a person's opt-outs: they are texted again. {NUMBER_HELP}",
        ),
    ] = None,
    clear_all: Annotated[
        bool, typer.Option("--clear-all", help="Remove all (with --since: those since then).")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Count the opt-outs; remove some after asking.

    Clear only what was recorded by mistake: the law of most countries forbids texting people who
    asked not to be texted. MoEngage does not learn of it.
    """
    stack: Stack = context.obj
    start = timestamp(read_since(since, time.time())) if since else ""
    with waiting("Reading the whole table"):
        found = [
            one
            for one in _read(stack)
            if one.at >= start and sub_account in (None, one.sub_account_id)
        ]
    if clear or clear_all:
        if clear:
            its_hash = keyed_hash(clear, stack.secret().hash_key)
            found = [one for one in found if one.recipient_hash == its_hash]
            if not found:
                raise BridgeError(f"{masked(clear)} is not opted out", id="not-opted-out")
        names = ", ".join(sorted({one.sub_account_id for one in found}))
        if found:
            confirm(f"Remove {len(found)} opt-outs of {names}? They are texted again.", yes=yes)
        for one in progress(found, "Removing"):
            stack.client("dynamodb").delete_item(TableName=stack.table, Key={"id": {"S": one.id}})
        if as_json:
            say_json({"removed": len(found)})
        else:
            say(f"Removed {len(found)} opt-outs.")
        return
    keys = [
        (one.at[_DAY], one.sub_account_id) if by_day else (one.sub_account_id,) for one in found
    ]
    counts = sorted(Counter(keys).items())
    names_of_columns = ("day", "subAccountId") if by_day else ("subAccountId",)
    if as_json:
        rows = [
            {**dict(zip(names_of_columns, key, strict=True)), "optOuts": n} for key, n in counts
        ]
        say_json({"optOuts": len(found), "counts": rows})
        return
    say(f"{len(found)} opt-outs")
    headings = ("Day", "Sub-account", "Opt-outs") if by_day else ("Sub-account", "Opt-outs")
    if counts:
        say(*columns([(*key, n) for key, n in counts], headings))


def _read(stack: Stack) -> Iterator[_OptOut]:
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.table,
            ProjectionExpression="id, requested_at",
            FilterExpression="begins_with(id, :prefix) AND opt_request = :out",
            ExpressionAttributeValues={
                ":prefix": {"S": _PREFIX},
                ":out": {"S": OptRequest.OPT_OUT.value},
            },
        )
    )
    for page in pages:
        for item in page["Items"]:
            _, sub_account_id, recipient_hash = item["id"]["S"].split(" ", 2)
            yield _OptOut(
                item["id"]["S"], sub_account_id, recipient_hash, item["requested_at"]["S"]
            )
