"""8x8's callbacks: delivery receipts, inbound SMS, and whatever else it may send."""

import hashlib
import json
from typing import Any
from urllib.parse import quote

from sms_bridge.domain.message import InboundMessage, Receipt, UnknownEvent, is_message_id
from sms_bridge.domain.state import state_of_receipt

# A DynamoDB item holds 400 KB, of which a character takes up to four bytes.
_MAX_KEPT_CHARACTERS = 64 * 1024

# 8x8's umids are UUIDs. What is longer cannot be a key.
_MAX_UMID_CHARACTERS = 100


def callback_url(base_url: str, tokens: tuple[str, ...]) -> str:
    """Return the URL at which one message's receipts arrive, empty without a base URL.

    It carries a token, because it is not documented whether 8x8 sends the account's
    ``Authorization`` value to such a URL.
    """
    if not base_url or not tokens:
        return ""
    return f"{base_url}/callbacks/8x8?token={quote(tokens[0], safe='')}"


def read_callback(content: str, received_at: str) -> Receipt | InboundMessage | UnknownEvent:
    """Read a callback. Nothing is refused: 8x8 would only send it again and then give up.

    Parameters
    ----------
    content
        The body.
    received_at
        ISO 8601 UTC.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    event = _object(body)
    payload = _object(event.get("payload"))
    event_type = _text(event.get("eventType"))
    if _text(event.get("namespace")) not in ("SMS", ""):
        payload = {}  # another of 8x8's products, whose payloads look alike
    if event_type == "outbound_message_status_changed" and _names_a_message(payload):
        return _receipt(payload, received_at)
    if event_type == "inbound_message_received" and _has_umid(payload):
        return _inbound(payload, received_at)
    key = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return UnknownEvent(
        key=key, event_type=event_type[:100], content=_text(content[:_MAX_KEPT_CHARACTERS])
    )


def _names_a_message(payload: dict[str, Any]) -> bool:
    is_ours = is_message_id(_text(payload.get("clientMessageId")))
    return (is_ours or _has_umid(payload)) and bool(
        _text(_object(payload.get("status")).get("state"))
    )


def _has_umid(payload: dict[str, Any]) -> bool:
    return 0 < len(_text(payload.get("umid"))) <= _MAX_UMID_CHARACTERS


def _receipt(payload: dict[str, Any], received_at: str) -> Receipt:
    status = _object(payload.get("status"))
    price = _object(payload.get("price"))
    eightx8_state = _text(status.get("state"))
    error_code = _text(status.get("errorCode"))
    return Receipt(
        umid=_text(payload.get("umid")),
        client_message_id=_text(payload.get("clientMessageId")),
        sub_account_id=_text(payload.get("subAccountId")),
        state=state_of_receipt(eightx8_state, error_code),
        eightx8_state=eightx8_state,
        detail=_text(status.get("detail")),
        at=_text(status.get("timestamp")),
        received_at=received_at,
        error_code=error_code,
        error_message=_text(status.get("errorMessage")),
        price=_amount(price.get("total")),
        currency=_text(price.get("currency"))[:3],
        segments=_count(payload.get("smsCount")),
    )


def _inbound(payload: dict[str, Any], received_at: str) -> InboundMessage:
    return InboundMessage(
        umid=_text(payload.get("umid")),
        sub_account_id=_text(payload.get("subAccountId")),
        source=_text(payload.get("source")),
        destination=_text(payload.get("destination")),
        text=_text(payload.get("body")),
        encoding=_text(payload.get("encoding")),
        segments=_count(payload.get("smsCount")),
        sent_at=_text(payload.get("timestamp")),
        received_at=received_at,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Read a field leniently: 8x8's ids and codes come as strings or numbers.

    JSON can hold half a surrogate pair, which no database takes.
    """
    if isinstance(value, str) and value.isascii():
        return value
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return ""
    return str(value).encode("utf-8", "replace").decode()


def _amount(value: object) -> str:
    text = _text(value)
    try:
        return text if 0 <= float(text) < 1000 else ""
    except ValueError:
        return ""


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000:
        return value
    return 0
