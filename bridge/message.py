"""`sms-bridge message`: what became of a message, of a number's messages, or of a campaign."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Annotated

import typer

from bridge.errors import BridgeError, NotKnownError
from bridge.options import (
    NUMBER_HELP,
    AsJson,
    FullNumbers,
    LocalTime,
    Since,
    number_in,
    read_number,
    value_of,
)
from bridge.stack import Stack
from bridge.terminal import columns, read_since, say, say_json, shown_time
from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.domain.state import State
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import Wanted

_HEADINGS = ("Message", "Recipient", "Accepted", "State", "Outcome", "MoEngage acknowledged")
_TOTALS_OF_AT_MOST = 100_000
# Twelve hexadecimal digits in the last group: no phone number is written so.
_ID_DASHES = 4


def message(
    context: typer.Context,
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[NUMBER|ID]",
            help=f"A phone number ({NUMBER_HELP}), the bridge's id of a message, or 8x8's.",
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(callback=read_number, metavar="NUMBER", help=NUMBER_HELP)
    ] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="Of a campaign.")] = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")] = 20,
    full_numbers: FullNumbers = False,
    local_time: LocalTime = False,
    as_json: AsJson = False,
) -> None:
    """Show what became of messages: of a number, id or campaign.

    Exit status 1 when there is none, 3 when 8x8 does not say whether there is.
    """
    stack: Stack = context.obj
    which = value_of(which) if which else None
    if sum(map(bool, (which, to, campaign))) != 1:
        raise typer.BadParameter("say which: a NUMBER, an ID, or --campaign ID")
    start = read_since(since, time.time()) if since else 0.0
    number = to or number_in(which or "")
    if which and not number:
        found, there_are_more = _by_id(stack, which), False
    else:
        if campaign and not as_json:
            _say_totals(stack, campaign, start)
        wanted = Wanted(
            destination=number or "", campaign_id=campaign or "", state=state, limit=limit
        )
        found, there_are_more = _collect(stack, wanted, start)
    if as_json:
        messages = [look_up_answer(one, full_number=full_numbers) for one in found]
        say_json({"messages": messages, "thereAreMore": there_are_more})
    if not found:
        raise _nothing(stack, number, campaign, which)
    if as_json:
        return
    zone = None if local_time else UTC
    if campaign:
        say(*columns(_rows(found, full_numbers=full_numbers, zone=zone), _HEADINGS))
    else:
        _say_timelines(stack, found, number, full_numbers=full_numbers, zone=zone)
    if there_are_more:
        say(f"There are more: --limit is {limit}.")


# ------------------------------------------------------------------------------------------ finding
def _by_id(stack: Stack, message_id: str) -> list[Message]:
    """Find a message by the bridge's id, or by 8x8's: both are UUIDs."""
    found = stack.look_up.by_id(message_id)
    if found is None and message_id.count("-") == _ID_DASHES:
        try:
            found = stack.look_up.by_umid(message_id)
        except DetailsFailedError as failure:
            raise NotKnownError(
                f"no message has this id, and whether it is 8x8's is not known: {failure}",
                id="eightx8-did-not-answer",
                remedy="see sms-bridge doctor, or ask by number",
            ) from None
    return [found] if found else []


def _collect(stack: Stack, wanted: Wanted, since: float) -> tuple[list[Message], bool]:
    """Return as many as are wanted, and whether there are more.

    It asks for page after page: of a rare state a page may hold few.
    """
    hash_key = stack.secret().hash_key
    messages: list[Message] = []
    before = None
    while True:
        rest = replace(wanted, before=before, limit=wanted.limit - len(messages))
        page = stack.look_up.page(rest, hash_key=hash_key)
        recent = [one for one in page.messages if one.accepted_at >= since]
        messages += recent
        before = page.next
        if before is None or len(recent) < len(page.messages) or before.accepted_at < since:
            return messages, False
        if len(messages) >= wanted.limit:
            return messages, True


def _nothing(
    stack: Stack, number: str | None, campaign: str | None, which: str | None
) -> BridgeError:
    days = stack.sending.get("RETENTION_DAYS", "90")
    where = f"in stack {stack.name}, region {stack.region}, in {days} days"
    if number:
        what, hint = f"to {masked(number)}", "; numbers need a country code"
    elif campaign:
        what, hint = f"of campaign {campaign}", "; ids are those of MoEngage's Moesms_campaignId"
    else:
        what, hint = f"with the id {which}", "; 8x8's id is known only if the bridge sent it"
    return BridgeError(f"no message {what} {where}{hint}", id="no-message")


# ------------------------------------------------------------------------------------------ showing
def _say_totals(stack: Stack, campaign: str, since: float) -> None:
    """Show how many messages of a campaign are in each state, and why those that failed did."""
    totals: Counter[tuple[str, str]] = Counter()
    there_are_more = False
    for number, one in enumerate(stack.messages.messages_of_campaign(campaign)):
        if one.accepted_at < since:
            break
        if number >= _TOTALS_OF_AT_MOST:
            there_are_more = True
            break
        totals[one.state, one.outcome.reason if one.outcome else one.reason] += 1
    if totals:
        say(f"{totals.total()}{' or more' if there_are_more else ''} messages of {campaign}")
        rows = [(state, why, count) for (state, why), count in totals.most_common()]
        say(*columns(rows, ("State", "Reason", "Messages")), "")


def _rows(
    messages: Sequence[Message], *, full_numbers: bool, zone: tzinfo | None
) -> Iterator[tuple[object, ...]]:
    for one in messages:
        outcome = f"{one.outcome.status} {one.outcome.reason}".strip() if one.outcome else ""
        number = one.destination if full_numbers else masked(one.destination)
        accepted = shown_time(one.accepted_at, zone)
        reported = one.outcome_given_up
        if one.outcome_reported_at:
            reported = shown_time(one.outcome_reported_at, zone)
        yield one.id, number, accepted, one.state, outcome, reported


def _say_timelines(
    stack: Stack,
    found: Sequence[Message],
    number: str | None,
    *,
    full_numbers: bool,
    zone: tzinfo | None,
) -> None:
    if number:
        shown = number if full_numbers else masked(number)
        states = Counter(_word_of(one) for one in found)
        counts = ", ".join(f"{count} {word}" for word, count in states.most_common())
        noun = "messages" if len(found) > 1 else "message"
        say(f"{len(found)} {noun} to {shown}: {counts}")
        hashes = {one.recipient_hash for one in found if one.recipient_hash}
        hashes = hashes or {keyed_hash(number, stack.secret().hash_key)}
        say(f"recipient_hash {', '.join(sorted(hashes))}")
    for position, one in enumerate(found):
        if number or position:
            say("")
        say(_heading_of(one, full_numbers=full_numbers, with_hash=not number))
        say(*lines_of(one, zone))


def _word_of(message: Message) -> str:
    """Return a message's state, or why it failed."""
    is_opted_out = message.outcome is not None and message.outcome.reason == "opted_out"
    return "opted out" if is_opted_out else str(message.state)


def _heading_of(message: Message, *, full_numbers: bool, with_hash: bool) -> str:
    """Return what a message is, in a line."""
    facts = {
        "to": message.destination if full_numbers else masked(message.destination),
        "recipient_hash": message.recipient_hash if with_hash else "",
        "from": message.source,
        "sub-account": message.sub_account_id,
        "campaign": message.campaign_id,
        "8x8's id": message.umid,
        "segments": str(message.segments or ""),
        "8x8's error": message.eightx8_error_id,
    }
    known = (f"{name} {value}" for name, value in facts.items() if value)
    return f"{message.id}: {message.state}; {', '.join(known)}"


def lines_of(message: Message, zone: tzinfo | None = UTC) -> Iterator[str]:
    """Return a message's timeline, a line an event; each day is named once."""
    last_day = ""
    for at, what in timeline_of(message):
        day, time_of_day, zone_name = shown_time(seconds_of(at), zone).split(" ", 2)
        if day != last_day:
            last_day = day
            yield f"{day} ({zone_name})"
        yield f"  {time_of_day} {what}"
