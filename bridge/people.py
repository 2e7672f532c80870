"""`sms-bridge opt-outs` and `forget`: who does not want to be texted, or be known at all."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from bridge.eightx8 import account_of
from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, AsJson, Since, Yes, read_number
from bridge.stack import Stack
from bridge.terminal import columns, confirm, progress, read_since, say, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.domain.reporting import seconds_before_passing_on_again
from sms_bridge.storage.items import OPT_OUT_PREFIX, from_item
from sms_bridge.storage.person_data import DynamoDBPersonData, Trace


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
        {"optOuts": len(holding), "counts": [dict(zip(names, row, strict=True)) for row in rows]},
        f"{len(holding)} opt-outs",
        *(columns(rows, headings) if rows else ()),
        as_json=as_json,
    )


def _read(stack: Stack) -> Iterator[_OptOut]:
    for item in stack.listed(
        "dynamodb",
        "scan",
        "Items",
        TableName=stack.table,
        ProjectionExpression="id, requested_at, sub_account_id",
        FilterExpression="begins_with(id, :prefix) AND opt_request = :out",
        ExpressionAttributeValues={
            ":prefix": {"S": OPT_OUT_PREFIX},
            ":out": {"S": OptRequest.OPT_OUT.value},
        },
    ):
        values = from_item(item)
        name, recipient_hash = values["id"].removeprefix(OPT_OUT_PREFIX).split(" ")
        yield _OptOut(
            values["id"],
            values.get("sub_account_id") or name,
            recipient_hash,
            values["requested_at"],
            OptOutScope.STACK if name == EVERY_SUB_ACCOUNT else OptOutScope.SUB_ACCOUNT,
        )


# ----------------------------------------------------------------------------------------- forget
def forget(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(callback=read_number, help=f"The person's number ({NUMBER_HELP}).")
    ],
    messages_only: Annotated[
        bool,
        typer.Option(
            "--messages-only",
            help="Do not read the whole table for SMS from the person: quick, but not all.",
        ),
    ] = False,
    here_only: Annotated[
        bool, typer.Option("--here-only", help="Do not ask 8x8 to erase its part.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is stored of a person, here and at 8x8.

    Messages to them lose the number and all that leads to it; what became of them stays, and so
    MoEngage still learns the outcome of those on their way. SMS from them are deleted. An opt-out
    stays: it is a hash, and without it they would be texted again. After an interruption, the same
    command goes on.

    What stays of a message is its id, times (of clicks, too), states and 8x8's id; its campaign,
    template and sender, unless they hold the number. It does not find: names or texts in callbacks
    that were not understood (they are kept without numbers, and expire), messages from before
    another hashKey, log lines (masked, with the hash; they expire), records in the queues (days at
    most), point-in-time backups (35 days), and what MoEngage stores.
    """
    stack: Stack = context.obj
    people = DynamoDBPersonData(stack.messages_table)
    recipient_hash = keyed_hash(number, stack.secret().hash_key)
    with waiting("Reading messages" if messages_only else "Reading the whole table"):
        messages = list(stack.messages.newest_first(recipient_hash=recipient_hash))
        traces = [] if messages_only else list(people.traces_of(number, recipient_hash))
    inbound = [one for one in traces if not _may_be_synced(one, stack)]
    facts: dict[str, Any] = {
        "messages": len(messages),
        "messagesUnderWay": sum(not (one.outcome_reported_at or one.reply_to) for one in messages),
        "messagesWithout8x8Id": sum(not one.umid for one in messages),
        "messagesNotErased": 0,
        "inbound": len(inbound),
        "inboundLeftForNow": len(traces) - len(inbound),
        "optedOutOf": [
            one
            for one in stack.sub_account_ids
            if stack.opt_outs.is_opted_out((one, recipient_hash))
        ],
    }
    if not as_json:
        _show(facts, messages_only=messages_only, here_only=here_only)
    if messages or inbound:
        confirm("Delete it? This cannot be undone.", yes=yes)
        account = None if here_only else account_of(stack)
        for message in progress(messages, "Messages"):
            # First there: without the number here, nobody would find the message again.
            if account and message.umid:
                try:
                    account.erase(message.sub_account_id, message.umid)
                except BridgeError:
                    facts["messagesNotErased"] += 1
                    continue
            people.anonymise(message, number)
        for trace in progress(inbound, "What they sent"):
            people.delete(trace)
    done = ["Done."] if messages or inbound else []
    if not_erased := facts["messagesNotErased"]:
        done = [
            f"8x8 did not accept the erasure of {not_erased} messages; do this again, or with "
            "--here-only."
        ]
    say_result(facts, *done, as_json=as_json)
    if facts["inboundLeftForNow"] or facts["messagesNotErased"]:
        # Not all of it is done; whoever runs this from a program must notice.
        raise typer.Exit(1)


def _may_be_synced(trace: Trace, stack: Stack) -> bool:
    """Return whether MoEngage may still have to learn what an SMS asks for."""
    is_synced = bool(stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL"))
    age = time.time() - trace.received_at
    return is_synced and seconds_before_passing_on_again(age) is not None


def _show(facts: Mapping[str, Any], *, messages_only: bool, here_only: bool) -> None:
    say(f"Messages to this number: {facts['messages']}")
    if under_way := facts["messagesUnderWay"]:
        say(
            f"  of {under_way} MoEngage has not acknowledged the outcome; it will learn it, and "
            "what waits in a send queue is still sent"
        )
    if here_only:
        say("  8x8 is not asked to erase its part (--here-only).")
    elif without_umid := facts["messagesWithout8x8Id"]:
        say(
            f"  of {without_umid} 8x8's id is not known, so 8x8 cannot be asked to erase them; if "
            "it has them, its support can by number"
        )
    if messages_only:
        say("What they sent was not looked for (--messages-only).")
    else:
        say(f"SMS from this number: {facts['inbound']}")
    if too_young := facts["inboundLeftForNow"]:
        say(
            f"SMS left for now: {too_young}. MoEngage may not have acknowledged yet what they ask "
            "for; do this again in a day."
        )
    if opted_out_of := facts["optedOutOf"]:
        say(f"Opted out of {', '.join(opted_out_of)}: that is kept, as a hash.")
