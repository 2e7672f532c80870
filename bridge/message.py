"""`sms-bridge message` and `send-test`: what became of messages, and a message to see it with."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from time import monotonic, sleep, time
from typing import Annotated

import typer

from bridge.calls import call
from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, AsJson, FullNumbers, Since, number_in, read_number, value_of
from bridge.stack import Stack
from bridge.terminal import columns, read_since, say, say_json, shown_time
from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, OutcomeStatus, State
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.errors import DetailsFailedError
from sms_bridge.providers.eightx8_log import EightX8Log
from sms_bridge.providers.http import Connections
from sms_bridge.services.look_up import LookUp, Wanted
from sms_bridge.storage.secret import SecretSource

_HEADINGS = ("Message", "Recipient", "Accepted", "State", "Outcome", "MoEngage acknowledged")
_TOTALS_OF_AT_MOST = 100_000
# Twelve hexadecimal digits in the last group: no phone number is written so.
_ID_DASHES = 4
_SECONDS_BETWEEN_LOOKS = 1.0

Shown = Callable[[str], str]


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
    local_time: Annotated[
        bool, typer.Option("--local-time", help="Times of this machine's zone in place of UTC.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what became of messages: of a number, id or campaign.

    Exit status 1 when there is none, 3 when 8x8 does not say whether there is.
    """
    stack: Stack = context.obj
    which = value_of(which) if which else None
    if sum(map(bool, (which, to, campaign))) != 1:
        raise typer.BadParameter("say which: a NUMBER, an ID, or --campaign ID")
    start = read_since(since)
    number = to or number_in(which or "")
    if which and not number:
        found, there_are_more = _by_id(stack, which), False
    else:
        if campaign and not as_json:
            _say_totals(stack, campaign, start)
        wanted = Wanted(destination=number, campaign_id=campaign or "", state=state, limit=limit)
        found, there_are_more = _collect(stack, wanted, start)
    if as_json:
        messages = [look_up_answer(one, full_number=full_numbers) for one in found]
        say_json({"messages": messages, "thereAreMore": there_are_more})
    if not found:
        raise _nothing(stack, number, campaign, which)
    if as_json:
        return
    zone = None if local_time else UTC
    numbers: Shown = str if full_numbers else masked
    if campaign:
        say(*columns((_row(one, numbers, zone) for one in found), _HEADINGS))
    else:
        _say_timelines(stack, found, number, numbers, zone)
    if there_are_more:
        say(f"There are more: --limit is {limit}.")


# ------------------------------------------------------------------------------------------ finding
def _look_up(stack: Stack) -> LookUp:
    secrets = SecretSource(stack.client("secretsmanager"), stack.secret_arn, max_age_seconds=60)
    details = EightX8Log(Connections(stack.eightx8_url, connect_timeout=1.0), secrets)
    return LookUp(
        messages=stack.messages,
        client_message_id_of=details.client_message_id_of,
        sub_account_ids=stack.sub_account_ids,
    )


def _by_id(stack: Stack, message_id: str) -> list[Message]:
    """Find a message by the bridge's id, or by 8x8's: both are UUIDs."""
    look_up = _look_up(stack)
    found = look_up.by_id(message_id)
    if found is None and message_id.count("-") == _ID_DASHES:
        try:
            found = look_up.by_umid(message_id)
        except DetailsFailedError as failure:
            raise BridgeError(
                f"no message has this id, and whether it is 8x8's is not known: {failure}",
                id="eightx8-did-not-answer",
                remedy="see sms-bridge doctor, or ask by number",
                status=3,
            ) from None
    return [found] if found else []


def _collect(stack: Stack, wanted: Wanted, since: float) -> tuple[list[Message], bool]:
    """Return as many as are wanted, and whether there are more.

    It asks for page after page: of a rare state a page may hold few.
    """
    look_up, hash_key = _look_up(stack), stack.secret().hash_key
    messages: list[Message] = []
    before = None
    while True:
        rest = replace(wanted, before=before, limit=wanted.limit - len(messages))
        page = look_up.page(rest, hash_key=hash_key)
        recent = [one for one in page.messages if one.accepted_at >= since]
        messages += recent
        before = page.next
        if before is None or len(recent) < len(page.messages) or before.accepted_at < since:
            return messages, False
        if len(messages) >= wanted.limit:
            return messages, True


def _nothing(stack: Stack, number: str, campaign: str | None, which: str | None) -> BridgeError:
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
    more = ""
    for number, one in enumerate(stack.messages.newest_first(campaign_id=campaign)):
        if one.accepted_at < since:
            break
        if number >= _TOTALS_OF_AT_MOST:
            more = " or more"
            break
        totals[one.state, one.outcome.reason if one.outcome else one.reason] += 1
    if totals:
        say(f"{totals.total()}{more} messages of {campaign}")
        rows = [(*key, count) for key, count in totals.most_common()]
        say(*columns(rows, ("State", "Reason", "Messages")), "")


def _row(one: Message, numbers: Shown, zone: tzinfo | None) -> tuple[str, ...]:
    outcome = f"{one.outcome.status} {one.outcome.reason}".strip() if one.outcome else ""
    accepted, reported = shown_time(one.accepted_at, zone), one.outcome_given_up
    if one.outcome_reported_at:
        reported = shown_time(one.outcome_reported_at, zone)
    return one.id, numbers(one.destination), accepted, one.state, outcome, reported


def _say_timelines(
    stack: Stack, found: Sequence[Message], number: str, numbers: Shown, zone: tzinfo | None
) -> None:
    if number:
        states = Counter(_word_of(one) for one in found)
        counts = ", ".join(f"{count} {word}" for word, count in states.most_common())
        noun = "messages" if len(found) > 1 else "message"
        say(f"{len(found)} {noun} to {numbers(number)}: {counts}")
        hashes = {one.recipient_hash for one in found if one.recipient_hash}
        hashes = hashes or {keyed_hash(number, stack.secret().hash_key)}
        say(f"recipient_hash {', '.join(sorted(hashes))}")
    for position, one in enumerate(found):
        if number or position:
            say("")
        facts = {
            "to": numbers(one.destination),
            "recipient_hash": "" if number else one.recipient_hash,
            "from": one.source,
            "sub-account": one.sub_account_id,
            "campaign": one.campaign_id,
            "8x8's id": one.umid,
            "segments": one.segments,
            "8x8's error": one.eightx8_error_id,
        }
        known = (f"{name} {value}" for name, value in facts.items() if value)
        say(f"{one.id}: {one.state}; {', '.join(known)}", *lines_of(one, zone))


def _word_of(message: Message) -> str:
    """Return a message's state, or why it failed."""
    is_opted_out = message.outcome is not None and message.outcome.reason == "opted_out"
    return "opted out" if is_opted_out else str(message.state)


def lines_of(message: Message, zone: tzinfo | None = UTC) -> Iterator[str]:
    """Return a message's timeline, a line an event; each day is named once."""
    last_day = ""
    for at, what in timeline_of(message):
        day, time_of_day, zone_name = shown_time(seconds_of(at), zone).split(" ", 2)
        if day != last_day:
            last_day = day
            yield f"{day} ({zone_name})"
        yield f"  {time_of_day} {what}"


# ---------------------------------------------------------------------------------------- send-test
def send_test(
    context: typer.Context,
    to: Annotated[str, typer.Option(callback=read_number, metavar="NUMBER", help=NUMBER_HELP)],
    text: Annotated[
        str | None, typer.Option(help="Its text; without it, one with the time.")
    ] = None,
    sub_account: Annotated[
        str | None, typer.Option(help="8x8's sub-account; without it, the stack's first.")
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, max=3600, help="Follow it for so many seconds.")
    ] = 120,
    as_json: AsJson = False,
) -> None:
    """Send a real SMS as MoEngage would, and follow it to its end.

    MoEngage does not know the message and ignores the report. Exit status 1 unless the SMS was
    delivered and the outcome acknowledged; the last line then names the step that is missing.
    """
    stack: Stack = context.obj
    tokens = stack.secret().moengage_tokens
    if not tokens:
        raise BridgeError("the secret holds no token for MoEngage yet: sms-bridge configure")
    body = {
        "recipient": to,
        # A text of its own each time: the same one again would be a repeat and not be sent.
        "message": text or f"Test of the SMS bridge at {timestamp(time())}",
    }
    url = stack.send_url(sub_account or stack.sub_account_ids[0])
    answer = call("POST", url, token=tokens[0], body=body)
    if answer.status != 200:
        code = answer.code or "without a code"
        raise BridgeError(f"the bridge refused it: HTTP {answer.status}, {code}")
    message_id = answer.json["umid"]

    def show(line: str) -> None:
        if not as_json:
            say(line)

    show(f"Sent as {message_id}.")
    message = follow(lambda: stack.messages.get(message_id), wait, show)
    if message is None:
        raise BridgeError("the bridge answered, but its table does not have the message")
    if as_json:
        say_json(look_up_answer(message, full_number=False))
    elif not _is_over(message):
        say(
            f"Not over after {wait} seconds: {missing_step(message)}.",
            f"Later: sms-bridge message {message_id}",
        )
    delivered = message.outcome is not None and message.outcome.status is OutcomeStatus.DELIVERED
    if not (delivered and message.outcome_reported_at):
        raise typer.Exit(1)


def _is_over(message: Message) -> bool:
    return bool(message.outcome_reported_at or message.outcome_given_up)


def missing_step(message: Message) -> str:
    """Return what has not happened yet, and what to look at."""
    if message.outcome is not None:
        return "MoEngage has not acknowledged the outcome; see sms-bridge doctor"
    if message.state is State.WAITING:
        return "it waits in the send queue, because 8x8 throttles or cannot be reached"
    if message.state is State.UNKNOWN:
        return "8x8 did not say whether it accepted it"
    if not message.receipts:
        return "8x8 has sent no receipt; see sms-bridge webhook show"
    return "the operator has not reported the delivery"


def follow(
    look: Callable[[], Message | None], seconds: int, show: Callable[[str], None]
) -> Message | None:
    """Look at a message, show what is new until it is over, and return it as it was then."""
    end = monotonic() + seconds
    shown: list[str] = []
    while True:
        message = look()
        # What comes late may belong before what was shown; it is shown when it is known.
        for line in lines_of(message) if message else ():
            if line not in shown:
                shown.append(line)
                show(line)
        if (message and _is_over(message)) or monotonic() >= end:
            return message
        sleep(_SECONDS_BETWEEN_LOOKS)
