"""`bridge forget`: takes a person out of what the bridge has stored."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, track

from bridge.options import AsJson, Yes, read_number
from bridge.stack import Stack
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message
from sms_bridge.domain.outcome import seconds_before_next_opt_out_sync
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.services.interfaces import Trace


@dataclass(slots=True)
class Known:
    """What the table holds of a person.

    Attributes
    ----------
    messages
        To them.
    inbound, callbacks
        SMS from them, and callbacks that were not understood and hold their number.
    too_young
        SMS from them that are left for now: what they ask for may not have reached MoEngage yet.
    opted_out_of
        Sub-accounts whose messages they do not want.
    """

    messages: list[Message] = field(default_factory=list)
    inbound: list[Trace] = field(default_factory=list)
    callbacks: list[Trace] = field(default_factory=list)
    too_young: int = 0
    opted_out_of: list[str] = field(default_factory=list)

    @property
    def under_way(self) -> int:
        """How many of the messages MoEngage has not heard the outcome of."""
        return sum(not one.outcome_reported_at for one in self.messages)

    @property
    def traces(self) -> list[Trace]:
        """All that is deleted."""
        return [*self.inbound, *self.callbacks]


def forget(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(callback=read_number, help="The person's number, with country code.")
    ],
    messages_only: Annotated[
        bool,
        typer.Option(
            "--messages-only",
            help="Do not read the whole table for SMS from the person: quick, but not all.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is stored of a person, by their number.

    Messages to them lose the number and all that leads to it; what became of them stays, and so
    MoEngage still hears the outcome of those on their way. SMS from them, and callbacks that were
    not understood and hold the number, are deleted. An opt-out stays: it is a hash, and without
    it they would be texted again. It can be stopped and repeated at any time.
    """
    stack: Stack = context.obj
    console = Console(stderr=True)
    known = _find(stack, number, console, messages_only=messages_only)
    if not as_json:
        _show(known, messages_only=messages_only)
    found = bool(known.messages or known.traces)
    if found and not (yes or typer.confirm("Delete it? This cannot be undone.", err=True)):
        raise typer.Abort
    quiet = not console.is_terminal
    for message in track(known.messages, "Messages", console=console, disable=quiet):
        stack.people.anonymise(message.id)
    for trace in track(known.traces, "What they sent", console=console, disable=quiet):
        stack.people.delete(trace)
    if as_json:
        typer.echo(json.dumps(_figures(known)))
    elif found:
        typer.echo("Done.")
    if known.too_young:
        # Not all of it is done; whoever runs this from a program must notice.
        raise typer.Exit(1)


def _find(stack: Stack, number: str, console: Console, *, messages_only: bool) -> Known:
    recipient_hash = keyed_hash(number, stack.secret().hash_key)
    known = Known(
        messages=list(stack.messages.messages_to(recipient_hash)),
        opted_out_of=[
            one
            for one in stack.sub_account_ids
            if stack.opt_outs.is_opted_out((one, recipient_hash))
        ],
    )
    if messages_only:
        return known
    is_passed_on = bool(stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL"))
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        reading = progress.add_task("Reading the whole table", total=None)
        for trace in stack.people.traces_of(number):
            if trace is None:
                progress.advance(reading)
            elif not trace.is_inbound:
                known.callbacks.append(trace)
            elif is_passed_on and _may_be_passed_on(trace):
                known.too_young += 1
            else:
                known.inbound.append(trace)
    return known


def _may_be_passed_on(trace: Trace) -> bool:
    """Tell whether MoEngage may still have to hear what an SMS asks for."""
    return seconds_before_next_opt_out_sync(time.time() - seconds_of(trace.received_at)) is not None


def _figures(known: Known) -> dict[str, object]:
    return {
        "messages": len(known.messages),
        "messagesUnderWay": known.under_way,
        "inbound": len(known.inbound),
        "inboundLeftForNow": known.too_young,
        "callbacks": len(known.callbacks),
        "optedOutOf": known.opted_out_of,
    }


def _show(known: Known, *, messages_only: bool) -> None:
    typer.echo(f"Messages to this number: {len(known.messages)}")
    if known.under_way:
        typer.echo(
            f"  of {known.under_way} MoEngage has not heard the outcome; it will, and what waits "
            "in a send queue is still sent"
        )
    if messages_only:
        typer.echo("What they sent was not looked for (--messages-only).")
    else:
        typer.echo(f"SMS from this number: {len(known.inbound)}")
        typer.echo(f"Callbacks that hold it: {len(known.callbacks)}")
    if known.too_young:
        typer.echo(
            f"SMS left for now: {known.too_young}. MoEngage may not have heard yet what they ask "
            "for; do this again in a day."
        )
    if known.opted_out_of:
        typer.echo(f"Opted out of {', '.join(known.opted_out_of)}: that is kept, as a hash.")
