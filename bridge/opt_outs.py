"""`sms-bridge opt-outs`: who does not want to be texted, in figures, and how to undo one."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, AsJson, Since, Yes, read_number
from bridge.stack import Stack
from bridge.terminal import columns, confirm, progress, read_since, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.storage.items import OPT_OUT_PREFIX, from_item


class _OptOut(NamedTuple):
    """An item that holds an opt-out, for the sub-account that was asked or for all."""

    id: str
    sub_account_id: str
    recipient_hash: str
    at: str
    scope: OptOutScope


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
    """Count the opt-outs that hold, by the sub-account that was asked; remove some after asking.

    Clear only what was recorded by mistake: the law of most countries forbids texting people who
    asked not to be texted. MoEngage does not learn of it.
    """
    stack: Stack = context.obj
    start = timestamp(read_since(since))
    only = keyed_hash(clear, stack.secret().hash_key) if clear else None
    with waiting("Reading the whole table"):
        found = [
            one
            for one in _read(stack)
            if one.at >= start
            and sub_account in (None, one.sub_account_id)
            and only in (None, one.recipient_hash)
        ]
    holding = [one for one in found if one.scope is stack.opt_out_scope]
    if clear and not holding:
        raise BridgeError(f"{masked(clear)} is not opted out", id="not-opted-out")
    if clear or clear_all:
        if holding:
            asked = ", ".join(sorted({one.sub_account_id for one in holding}))
            confirm(f"Remove {len(holding)} opt-outs of {asked}? They are texted again.", yes=yes)
        # Those of the other scope as well, which would hold after a change of it.
        for one in progress(found, "Removing"):
            stack.client("dynamodb").delete_item(TableName=stack.table, Key={"id": {"S": one.id}})
        removed = len(holding)
        say_result({"removed": removed}, f"Removed {removed} opt-outs.", as_json=as_json)
        return
    names, headings = ["subAccountId", "optOuts"], ["Sub-account", "Opt-outs"]
    if by_day:
        names, headings = ["day", *names], ["Day", *headings]
    keys = [
        (one.at[:10], one.sub_account_id) if by_day else (one.sub_account_id,) for one in holding
    ]
    rows = [(*key, count) for key, count in sorted(Counter(keys).items())]
    say_result(
        {
            "optOuts": len(holding),
            "counts": [dict(zip(names, row, strict=True)) for row in rows],
        },
        f"{len(holding)} opt-outs",
        *(columns(rows, headings) if rows else ()),
        as_json=as_json,
    )


def _read(stack: Stack) -> Iterator[_OptOut]:
    pages = stack.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(
        TableName=stack.table,
        ProjectionExpression="id, requested_at, sub_account_id",
        FilterExpression="begins_with(id, :prefix) AND opt_request = :out",
        ExpressionAttributeValues={
            ":prefix": {"S": OPT_OUT_PREFIX},
            ":out": {"S": OptRequest.OPT_OUT.value},
        },
    ):
        for item in page["Items"]:
            values = from_item(item)
            name, recipient_hash = values["id"].removeprefix(OPT_OUT_PREFIX).split(" ")
            yield _OptOut(
                values["id"],
                values.get("sub_account_id") or name,
                recipient_hash,
                values["requested_at"],
                OptOutScope.STACK if name == EVERY_SUB_ACCOUNT else OptOutScope.SUB_ACCOUNT,
            )
