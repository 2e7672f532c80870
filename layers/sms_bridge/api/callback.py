"""8x8's callbacks: delivery receipts, inbound SMS, clicks, and events that are not understood.

Everything is cut and checked here, so that no field can fill an item, a log or a report.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sms_bridge.domain.arrivals import Click, InboundMessage, OtherEvent, UnknownEvent
from sms_bridge.domain.message import Receipt, is_message_id
from sms_bridge.providers.eightx8 import (
    error_code_of,
    seconds_of_time,
    state_of_receipt,
    time_of,
    words_of,
)
from sms_bridge.services.receive import CallbackEvent

# A DynamoDB item holds 400 KB, of which a character takes up to four bytes.
_MAX_KEPT_CHARACTERS = 64 * 1024

_MAX_NUMBER = 20
# Ten segments are 1,530 characters.
_MAX_TEXT = 2000

# 8x8's umids are UUIDs.
_UMID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# 8x8's own rule (its OpenAPI file).
_SUB_ACCOUNT_ID = re.compile(r"[A-Za-z0-9\-._&]{3,50}", re.ASCII)
# Seven digits and more, however they are parted, may be a phone number, but not within a UUID or a
# time.
_MAYBE_A_NUMBER = re.compile(
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}(?:-[0-9]{2}){2}T[0-9:.]{5,18})"
    r"|\d(?:[ ()/._\u00a0\u200b-\u200f\u2010-\u2015-]{0,3}\d){6,}",
    re.IGNORECASE,
)

# What claims to be older was not sent then: 8x8 repeats a callback for minutes, and no operator
# keeps an SMS for longer.
_MAX_AGE = 7 * 86_400

# Arrays and envelopes around an event; and as many as can be written down in time.
_MAX_DEPTH = 5
_MAX_EVENTS = 300


def read_callback(content: str, received_at: float) -> list[CallbackEvent]:
    """Read a callback, an event or an array of them, into one event at least.

    Nothing is refused: 8x8 would only send it again and then give up.
    """
    try:
        body = json.loads(content, strict=False)
    except (ValueError, RecursionError):
        return [_unknown(content, "xml" if content.lstrip().startswith("<") else "")]
    events = list(islice(_events_in(body), _MAX_EVENTS + 1))
    if len(events) > _MAX_EVENTS:
        return [_unknown(content, "")]
    if len(events) == 1:
        return [_event(events[0], content, received_at)]
    # Each as it came, so that one that is not understood can be kept alone.
    return [_event(one, json.dumps(one, ensure_ascii=False), received_at) for one in events]


def _events_in(body: object, depth: int = 0) -> Iterator[object]:
    """Return what may be an event, out of arrays and of envelopes that have one field."""
    inner = body
    if isinstance(body, dict) and len(body) == 1:
        [inner] = body.values()
    is_event = inner is body and isinstance(body, dict)
    if is_event or not inner or not isinstance(inner, dict | list) or depth == _MAX_DEPTH:
        yield body
        return
    for one in inner if isinstance(inner, list) else [inner]:
        yield from _events_in(one, depth + 1)


def _event(body: object, content: str, received_at: float) -> CallbackEvent:
    event = _object(body)
    namespace = _text(event.get("namespace")).strip().lower()
    if namespace == "chatapps":
        return OtherEvent(event_type="chatapps")  # whose payloads look alike
    if "surveyid" in event and _matching(_UMID, event.get("umid")):
        return OtherEvent(event_type="survey_answers")
    event_type = _text(event.get("eventtype")).strip().lower()
    read = _READERS.get(_plain_name(event_type)) if namespace in ("sms", "") else None
    # Without an envelope a receipt is still a receipt.
    payload = _object(event.get("payload", event))
    umid = _matching(_UMID, payload.get("umid")).lower()
    known = read(payload, umid, received_at) if read else None
    return known or _unknown(content, event_type)


def _unknown(content: str, event_type: str) -> UnknownEvent:
    kept = _MAYBE_A_NUMBER.sub(lambda found: found[1] or "***", content[:_MAX_KEPT_CHARACTERS])
    return UnknownEvent(
        key=_hash(kept, 32),
        event_type=_matching(r"[a-z][a-z0-9_.-]{0,59}", event_type),
        content=_text(kept),
    )


def _hash(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def _receipt(payload: dict[str, Any], umid: str, received_at: float) -> Receipt | None:
    given = payload.get("status")
    status, price = _object(given), _object(payload.get("price"))
    message_id = _text(payload.get("clientmessageid")).strip().lower()
    if not is_message_id(message_id):
        message_id = ""  # of another sender's message
    state = words_of(given if isinstance(given, str) else status.get("state")).lower()
    if not state or not (message_id or umid):
        return None
    error_code = error_code_of(status.get("errorcode"))
    return Receipt(
        umid=umid,
        client_message_id=message_id,
        sub_account_id=_matching(_SUB_ACCOUNT_ID, payload.get("subaccountid")),
        state=state_of_receipt(state, error_code),
        eightx8_state=state,
        detail=words_of(status.get("detail")),
        at=time_of(status.get("timestamp")),
        received_at=received_at,
        error_code=error_code,
        error_message=words_of(status.get("errormessage")),
        price=_matching(r"[0-9]{1,9}(\.[0-9]{1,20})?", price.get("total")),
        currency=_matching("[A-Z]{3}", _text(price.get("currency")).upper()),
        segments=int(_matching("[0-9]{1,3}", payload.get("smscount")) or 0),
    )


def _inbound(payload: dict[str, Any], umid: str, received_at: float) -> InboundMessage | None:
    sub_account_id = _matching(_SUB_ACCOUNT_ID, payload.get("subaccountid"))
    if not umid or not sub_account_id:
        return None
    return InboundMessage(
        umid=umid,
        sub_account_id=sub_account_id,
        source=_text(payload.get("source")).strip()[:_MAX_NUMBER],
        destination=_text(payload.get("destination")).strip()[:_MAX_NUMBER],
        text=_text(payload.get("body"))[:_MAX_TEXT],
        encoding=words_of(payload.get("encoding")),
        segments=int(_matching("[0-9]{1,3}", payload.get("smscount")) or 0),
        sent_at=_moment(payload.get("timestamp"), received_at),
        received_at=received_at,
    )


def _click(payload: dict[str, Any], umid: str, received_at: float) -> Click | None:
    if not umid:
        return None
    return Click(
        umid=umid,
        destination=_text(payload.get("destination")).strip()[:_MAX_NUMBER],
        key=_hash(_text(payload.get("eventid")) or _text(payload.get("occurredat")), 8),
        at=_moment(payload.get("occurredat"), received_at),
    )


_READERS = {
    "outboundmessagestatuschanged": _receipt,
    "": _receipt,
    "inboundmessagereceived": _inbound,
    "shorturlclicked": _click,
}


def _object(value: object) -> dict[str, Any]:
    """Return an object's fields by their plain names; anything else has none."""
    fields = value.items() if isinstance(value, dict) else ()
    return {_plain_name(name): field for name, field in fields}


def _plain_name(name: str) -> str:
    """``eventType``, ``EventType`` and ``event_type`` are the same."""
    return name.lower().replace("_", "").replace("-", "")


def _text(value: object) -> str:
    """Read a field leniently: 8x8's ids and codes come as strings or numbers.

    JSON can hold half a surrogate pair, which no database takes.
    """
    is_given = not isinstance(value, bool | dict | list | None)
    return str(value).encode("utf-8", "replace").decode() if is_given else ""


def _matching(pattern: str | re.Pattern[str], value: object) -> str:
    text = _text(value).strip()
    return text if re.fullmatch(pattern, text) else ""


def _moment(value: object, received_at: float) -> float:
    """Return when something happened, never later than its arrival; 0 in doubt."""
    seconds, milliseconds = _matching("[0-9]{10}", value), _matching("[0-9]{13}", value)
    at = float(seconds or 0) or float(milliseconds or 0) / 1000 or seconds_of_time(_text(value))
    # Items hold milliseconds.
    return round(at, 3) if received_at - _MAX_AGE <= at <= received_at else 0.0
