"""Messages and their stories on the screen."""

from __future__ import annotations

from collections.abc import Iterator

from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import masked
from sms_bridge.domain.timeline import timeline_of

_TIME_OF_DAY = slice(11, 19)
_DAY = slice(0, 10)


def number_of(message: Message, *, full_numbers: bool) -> str:
    """Return the recipient's number, masked unless whole numbers are asked for."""
    return message.destination if full_numbers else masked(message.destination)


def heading_of(message: Message, *, full_numbers: bool) -> str:
    """Return what a message is, in a line."""
    facts = {
        "to": number_of(message, full_numbers=full_numbers),
        "from": message.source,
        "sub-account": message.sub_account_id,
        "campaign": message.campaign_id,
        "umid": message.umid,
        "segments": str(message.segments or ""),
        "8x8's error": message.eightx8_error_id,
    }
    known = (f"{name} {value}" for name, value in facts.items() if value)
    return f"{message.id}: {message.state}; {', '.join(known)}"


def lines_of(message: Message) -> Iterator[str]:
    """Return a message's story, a line an event, in UTC; each day is named once."""
    day = ""
    for at, what in timeline_of(message):
        if at[_DAY] != day:
            day = at[_DAY]
            yield f"{day} (UTC)"
        yield f"  {at[_TIME_OF_DAY]} {what}"
