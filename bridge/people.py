"""`sms-bridge opt-outs` and `forget`: who does not want to be texted, or be known at all."""

import time
from collections import Counter
from typing import Annotated

from typer import Argument, Exit, Option

from bridge.eightx8 import account_of
from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, Since, Yes, read_number
from bridge.stack import Stack
from bridge.terminal import columns, confirm, progress, read_since, say, say_result, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.domain.reporting import seconds_before_passing_on_again
from sms_bridge.storage.table import OPT_OUT_PREFIX, from_item


def opt_outs(
    stack: Stack,
    by_day: Annotated[bool, Option("--by-day", help="Count them by day.")] = False,
    since: Since = "",
    sub_account: Annotated[
        str | None, Option("--sub-account", help="Only of this sub-account.")
    ] = None,
    clear: Annotated[
        str | None,
        Option(
            callback=read_number,
            metavar="NUMBER",
            help=f"Remove a person's opt-outs: they are texted again. {NUMBER_HELP}",
        ),
    ] = None,
    clear_all: Annotated[
        bool, Option("--clear-all", help="Remove all (with --since: those since then).")
    ] = False,
    yes: Yes = False,
) -> None:
    """Count the opt-outs that hold, by the sub-account that was asked; remove some after asking.

    Clear only what was recorded by mistake: the law of most countries forbids texting people who
    asked not to be texted. MoEngage does not learn of it.
    """
    start = timestamp(read_since(since))
    only = keyed_hash(clear, stack.secret().hash_key) if clear else None
    ids: list[str] = []
    # Day and sub-account that was asked.
    holding: list[tuple[str, str]] = []
    with waiting("Reading the whole table"):
        for item in stack.listed(
            "dynamodb",
            "scan",
            "Items[]",
            TableName=stack.table,
            ProjectionExpression="id, requested_at, sub_account_id",
            FilterExpression="begins_with(id, :prefix) AND opt_request = :out",
            ExpressionAttributeValues={
                ":prefix": {"S": OPT_OUT_PREFIX},
                ":out": {"S": OptRequest.OPT_OUT.value},
            },
        ):
            values = from_item(item)
            at, key = values["requested_at"], values["id"].removeprefix(OPT_OUT_PREFIX)
            name, recipient_hash = key.split(" ")
            asked = values.get("sub_account_id") or name
            if at >= start and sub_account in (None, asked) and only in (None, recipient_hash):
                ids.append(values["id"])
                is_for_all = name == EVERY_SUB_ACCOUNT
                if is_for_all is (stack.opt_out_scope is OptOutScope.STACK):
                    holding.append((at[:10], asked))
    if clear and not holding:
        raise BridgeError(f"{masked(clear)} is not opted out", id="not-opted-out")
    if clear or clear_all:
        if holding:
            those = ", ".join(sorted({name for _, name in holding}))
            confirm(f"Remove {len(holding)} opt-outs of {those}? They are texted again.", yes=yes)
        # Those of the other scope as well, which would hold after a change of it.
        for one in progress(ids, "Removing"):
            stack.messages_table.delete(one)
        say_result({"removed": len(holding)}, f"Removed {len(holding)} opt-outs.")
        return
    headings = {"day": "Day", "subAccountId": "Sub-account", "optOuts": "Opt-outs"}
    rows: list[tuple[object, ...]] = [(*key, n) for key, n in sorted(Counter(holding).items())]
    if not by_day:
        del headings["day"]
        rows = sorted(Counter(name for _, name in holding).items())
    counts = [dict(zip(headings, row, strict=True)) for row in rows]
    say_result(
        {"optOuts": len(holding), "counts": counts},
        f"{len(holding)} opt-outs",
        *(columns(rows, list(headings.values())) if rows else ()),
    )


# ----------------------------------------------------------------------------------------- forget
def forget(
    stack: Stack,
    number: Annotated[
        str, Argument(callback=read_number, help=f"The person's number ({NUMBER_HELP}).")
    ],
    messages_only: Annotated[
        bool,
        Option(
            "--messages-only",
            help="Do not read the whole table for SMS from the person: quick, but not all.",
        ),
    ] = False,
    here_only: Annotated[
        bool, Option("--here-only", help="Do not ask 8x8 to erase its part.")
    ] = False,
    yes: Yes = False,
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
    recipient_hash = keyed_hash(number, stack.secret().hash_key)
    with waiting("Reading messages" if messages_only else "Reading the whole table"):
        messages = list(stack.messages.newest_first(recipient_hash=recipient_hash))
        found = {} if messages_only else stack.messages.inbound_from(number, recipient_hash)
    # MoEngage may still have to learn what the others ask for.
    is_synced = bool(stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL"))
    inbound = [
        one
        for one, received_at in found.items()
        if not is_synced or seconds_before_passing_on_again(time.time() - received_at) is None
    ]
    under_way = sum(not (one.outcome_reported_at or one.reply_to) for one in messages)
    without_id = sum(not one.umid for one in messages)
    too_young = len(found) - len(inbound)
    opted_out_of = [
        one for one in stack.sub_account_ids if stack.opt_outs.is_opted_out((one, recipient_hash))
    ]
    say(f"Messages to this number: {len(messages)}")
    if under_way:
        say(
            f"  of {under_way} MoEngage has not acknowledged the outcome; it will learn it, and "
            "what waits in a send queue is still sent"
        )
    if here_only:
        say("  8x8 is not asked to erase its part (--here-only).")
    elif without_id:
        say(
            f"  of {without_id} 8x8's id is not known, so 8x8 cannot be asked to erase them; if "
            "it has them, its support can by number"
        )
    if messages_only:
        say("What they sent was not looked for (--messages-only).")
    else:
        say(f"SMS from this number: {len(inbound)}")
    if too_young:
        say(
            f"SMS left for now: {too_young}. MoEngage may not have acknowledged yet what they ask "
            "for; do this again in a day."
        )
    if opted_out_of:
        say(f"Opted out of {', '.join(opted_out_of)}: that is kept, as a hash.")
    not_erased = 0
    done = []
    if messages or inbound:
        confirm("Delete it? This cannot be undone.", yes=yes)
        account = None if here_only else account_of(stack)
        for message in progress(messages, "Messages"):
            # First there: without the number here, nobody would find the message again.
            if account and message.umid:
                try:
                    account.erase(message.sub_account_id, message.umid)
                except BridgeError:
                    not_erased += 1
                    continue
            stack.messages.anonymise(message, number)
        for one in progress(inbound, "What they sent"):
            stack.messages_table.delete(one)
        done = ["Done."]
    if not_erased:
        done = [
            f"8x8 did not accept the erasure of {not_erased} messages; do this again, or with "
            "--here-only."
        ]
    facts = {
        "messages": len(messages),
        "messagesUnderWay": under_way,
        "messagesWithout8x8Id": without_id,
        "messagesNotErased": not_erased,
        "inbound": len(inbound),
        "inboundLeftForNow": too_young,
        "optedOutOf": opted_out_of,
    }
    say_result(facts, *done)
    if too_young or not_erased:
        # Not all of it is done; whoever runs this from a program must notice.
        raise Exit(1)
