"""`sms-bridge forget`: takes a person out of what the bridge and 8x8 have stored."""

import time
from dataclasses import dataclass, field
from typing import Annotated

import typer

from bridge.eightx8 import EightX8Account, account_of
from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, AsJson, Yes, read_number
from bridge.stack import Stack
from bridge.terminal import confirm, progress, say, say_json, waiting
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.domain.reporting import seconds_before_passing_on_again
from sms_bridge.services.interfaces import Trace


@dataclass(slots=True)
class Known:
    """What the table holds of a person: messages to them, and SMS from them."""

    messages: list[Message]
    opted_out_of: list[str]
    inbound: list[Trace] = field(default_factory=list)
    too_young: int = 0
    """SMS that are left for now: MoEngage may not have acknowledged what they ask for."""
    not_erased: int = 0
    """Messages that 8x8 did not agree to erase, so that they are left here too."""

    @property
    def under_way(self) -> int:
        """How many of the messages MoEngage has not acknowledged the outcome of."""
        return sum(not one.outcome_reported_at and not one.reply_to for one in self.messages)

    @property
    def without_umid(self) -> int:
        """How many of the messages 8x8's id is not known of."""
        return sum(not one.umid for one in self.messages)


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
    with waiting("Reading messages" if messages_only else "Reading the whole table"):
        known = _find(stack, number, messages_only=messages_only)
    if not as_json:
        _show(known, messages_only=messages_only, here_only=here_only)
    found = bool(known.messages or known.inbound)
    if found:
        confirm("Delete it? This cannot be undone.", yes=yes)
        _delete(known, number, stack, None if here_only else account_of(stack))
    if as_json:
        say_json(
            {
                "messages": len(known.messages),
                "messagesUnderWay": known.under_way,
                "messagesWithout8x8Id": known.without_umid,
                "messagesNotErased": known.not_erased,
                "inbound": len(known.inbound),
                "inboundLeftForNow": known.too_young,
                "optedOutOf": known.opted_out_of,
            }
        )
    elif known.not_erased:
        say(
            f"8x8 did not accept the erasure of {known.not_erased} messages; do this again, or "
            "with --here-only."
        )
    elif found:
        say("Done.")
    if known.too_young or known.not_erased:
        # Not all of it is done; whoever runs this from a program must notice.
        raise typer.Exit(1)


def _find(stack: Stack, number: str, *, messages_only: bool) -> Known:
    recipient_hash = keyed_hash(number, stack.secret().hash_key)
    known = Known(
        list(stack.messages.messages_to(recipient_hash)),
        [
            one
            for one in stack.sub_account_ids
            if stack.opt_outs.is_opted_out((one, recipient_hash))
        ],
    )
    if messages_only:
        return known
    is_synced = bool(stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL"))
    for trace in filter(None, stack.people.traces_of(number, recipient_hash)):
        age = time.time() - trace.received_at
        # MoEngage may still have to learn what it asks for.
        if is_synced and seconds_before_passing_on_again(age) is not None:
            known.too_young += 1
        else:
            known.inbound.append(trace)
    return known


def _delete(known: Known, number: str, stack: Stack, account: EightX8Account | None) -> None:
    for message in progress(known.messages, "Messages"):
        # First there: without the number here, nobody would find the message again.
        if account and message.umid:
            try:
                account.erase(message.sub_account_id, message.umid)
            except BridgeError:
                known.not_erased += 1
                continue
        stack.people.anonymise(message, number)
    for trace in progress(known.inbound, "What they sent"):
        stack.people.delete(trace)


def _show(known: Known, *, messages_only: bool, here_only: bool) -> None:
    say(f"Messages to this number: {len(known.messages)}")
    if known.under_way:
        say(
            f"  of {known.under_way} MoEngage has not acknowledged the outcome; it will learn it, "
            "and what waits in a send queue is still sent"
        )
    if here_only:
        say("  8x8 is not asked to erase its part (--here-only).")
    elif known.without_umid:
        say(
            f"  of {known.without_umid} 8x8's id is not known, so 8x8 cannot be asked to erase "
            "them; if it has them, its support can by number"
        )
    if messages_only:
        say("What they sent was not looked for (--messages-only).")
    else:
        say(f"SMS from this number: {len(known.inbound)}")
    if known.too_young:
        say(
            f"SMS left for now: {known.too_young}. MoEngage may not have acknowledged yet what "
            "they ask for; do this again in a day."
        )
    if known.opted_out_of:
        say(f"Opted out of {', '.join(known.opted_out_of)}: that is kept, as a hash.")
