"""`sms-bridge message` and `send-test`: what became of messages, and a message to see it with."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import islice, takewhile
from time import monotonic, sleep, time
from typing import Annotated

from typer import Argument, BadParameter, Exit, Option

from bridge.calls import call
from bridge.errors import BridgeError
from bridge.options import NUMBER_HELP, FullNumbers, Since, number_in, read_number, value_of
from bridge.stack import Stack
from bridge.terminal import columns, json_is_wanted, read_since, say, say_result, shown_time
from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, OutcomeStatus, State
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.errors import DetailsFailedError
from sms_bridge.providers.eightx8_log import EightX8Log
from sms_bridge.providers.http import Connections
from sms_bridge.services.look_up import LookUp
from sms_bridge.storage.secret import SecretSource

_TOTALS_OF_AT_MOST = 100_000
# Twelve hexadecimal digits in the last group: no phone number is written so.
_ID_DASHES = 4
_SECONDS_BETWEEN_LOOKS = 1.0


def message(
    stack: Stack,
    which: Annotated[
        str | None,
        Argument(
            metavar="[NUMBER|ID]",
            help=f"A phone number ({NUMBER_HELP}), the bridge's id of a message, or 8x8's.",
        ),
    ] = None,
    to: Annotated[
        str | None, Option(callback=read_number, metavar="NUMBER", help=NUMBER_HELP)
    ] = None,
    campaign: Annotated[str | None, Option(metavar="ID", help="Of a campaign.")] = None,
    state: Annotated[State | None, Option(help="Only those in this state.")] = None,
    since: Since = "",
    limit: Annotated[int, Option(min=1, max=1000, help="At most so many, the newest.")] = 20,
    full_numbers: FullNumbers = False,
    local_time: Annotated[
        bool, Option("--local-time", help="Times of this machine's zone in place of UTC.")
    ] = False,
) -> None:
    """Show what became of messages: of a number, id or campaign.

    Exit status 1 when there is none, 3 when 8x8 does not say whether there is.
    """
    which = value_of(which) if which else None
    if sum(map(bool, (which, to, campaign))) != 1:
        raise BadParameter("say which: a NUMBER, an ID, or --campaign ID")
    start = read_since(since)
    number = to or number_in(which or "")
    found, there_are_more = [], False
    if which and not number:
        found = _by_id(stack, which)
    else:
        if campaign and not json_is_wanted.get():
            _say_totals(_listed(stack, number, campaign, start), campaign)
        for one in _listed(stack, number, campaign, start):
            if there_are_more := len(found) == limit:
                break
            if state in (None, one.state):
                found.append(one)
    answers = [look_up_answer(one, full_number=full_numbers) for one in found]
    lines: list[str] = []
    if found:
        zone = None if local_time else UTC
        numbers = str if full_numbers else masked
        if campaign:
            headings = ("Message", "Recipient", "Accepted", "State", "Outcome")
            rows = (_row(one, numbers, zone) for one in found)
            lines = columns(rows, (*headings, "MoEngage acknowledged"))
        else:
            lines = list(_timelines(stack, found, number, numbers, zone))
    if there_are_more:
        lines.append(f"There are more: --limit is {limit}.")
    say_result({"messages": answers, "thereAreMore": there_are_more}, *lines)
    if not found:
        raise _nothing(stack, number, campaign, which)


# ------------------------------------------------------------------------------------------ finding
def _by_id(stack: Stack, message_id: str) -> list[Message]:
    """Find a message by the bridge's id, or by 8x8's: both are UUIDs."""
    secrets = SecretSource(stack.aws.client("secretsmanager"), stack.secret_arn, max_age_seconds=60)
    details = EightX8Log(Connections(stack.eightx8_url, connect_timeout=1.0), secrets)
    look_up = LookUp(
        messages=stack.messages,
        client_message_id_of=details.client_message_id_of,
        sub_account_ids=stack.sub_account_ids,
    )
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


def _listed(stack: Stack, number: str, campaign: str | None, since: float) -> Iterator[Message]:
    """Return the messages of a campaign, or to a number, since then, the newest first."""
    if campaign:
        found = stack.messages.newest_first(campaign_id=campaign)
    else:
        found = stack.messages.newest_first(
            recipient_hash=keyed_hash(number, stack.secret().hash_key)
        )
    return takewhile(lambda one: one.accepted_at >= since, found)


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
def _say_totals(messages: Iterator[Message], campaign: str) -> None:
    """Show how many messages of a campaign are in each state, and why those that failed did."""
    totals = Counter(
        (one.state, one.outcome.reason if one.outcome else one.reason)
        for one in islice(messages, _TOTALS_OF_AT_MOST)
    )
    if totals:
        more = " or more" if next(messages, None) else ""
        rows = [(*key, count) for key, count in totals.most_common()]
        headings = ("State", "Reason", "Messages")
        say(f"{totals.total()}{more} messages of {campaign}", *columns(rows, headings), "")


def _row(one: Message, numbers: Callable[[str], str], zone: tzinfo | None) -> tuple[str, ...]:
    outcome = f"{one.outcome.status} {one.outcome.reason}".strip() if one.outcome else ""
    accepted, reported = shown_time(one.accepted_at, zone), one.outcome_given_up
    if one.outcome_reported_at:
        reported = shown_time(one.outcome_reported_at, zone)
    return one.id, numbers(one.destination), accepted, one.state, outcome, reported


def _timelines(
    stack: Stack,
    found: Sequence[Message],
    number: str,
    numbers: Callable[[str], str],
    zone: tzinfo | None,
) -> Iterator[str]:
    if number:
        states = Counter(
            "opted out" if one.outcome and one.outcome.reason == "opted_out" else one.state
            for one in found
        )
        counts = ", ".join(f"{count} {word}" for word, count in states.most_common())
        noun = "messages" if len(found) > 1 else "message"
        yield f"{len(found)} {noun} to {numbers(number)}: {counts}"
        hashes = {one.recipient_hash for one in found if one.recipient_hash}
        hashes = hashes or {keyed_hash(number, stack.secret().hash_key)}
        yield f"recipient_hash {', '.join(sorted(hashes))}"
    for position, one in enumerate(found):
        if number or position:
            yield ""
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
        yield f"{one.id}: {one.state}; {', '.join(known)}"
        yield from lines_of(one, zone)


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
    stack: Stack,
    to: Annotated[str, Option(callback=read_number, metavar="NUMBER", help=NUMBER_HELP)],
    text: Annotated[str | None, Option(help="Its text; without it, one with the time.")] = None,
    sub_account: Annotated[
        str | None, Option(help="8x8's sub-account; without it, the stack's first.")
    ] = None,
    wait: Annotated[int, Option(min=0, max=3600, help="Follow it for so many seconds.")] = 120,
) -> None:
    """Send a real SMS as MoEngage would, and follow it to its end.

    MoEngage does not know the message and ignores the report. Exit status 1 unless the SMS was
    delivered and the outcome acknowledged; the last line then names the step that is missing.
    """
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
    say(f"Sent as {message_id}.")
    message = follow(lambda: stack.messages.get(message_id), wait)
    if message is None:
        raise BridgeError("the bridge answered, but its table does not have the message")
    lines = [
        f"Not over after {wait} seconds: {missing_step(message)}.",
        f"Later: sms-bridge message {message_id}",
    ]
    say_result(look_up_answer(message, full_number=False), *([] if _is_over(message) else lines))
    delivered = message.outcome is not None and message.outcome.status is OutcomeStatus.DELIVERED
    if not (delivered and message.outcome_reported_at):
        raise Exit(1)


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


def follow(look: Callable[[], Message | None], seconds: int) -> Message | None:
    """Look at a message, show what is new until it is over, and return it as it was then."""
    end = monotonic() + seconds
    shown: set[str] = set()
    while True:
        message = look()
        # What comes late may belong before what was shown; it is shown when it is known.
        for line in lines_of(message) if message else ():
            if line not in shown:
                shown.add(line)
                say(line)
        if (message and _is_over(message)) or monotonic() >= end:
            return message
        sleep(_SECONDS_BETWEEN_LOOKS)
