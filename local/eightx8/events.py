"""The bodies of 8x8's callbacks."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any

from local.eightx8.records import SmsMessage

_DESCRIPTIONS = {
    "queued": "SMS is queued",
    "sent": "SMS has been sent",
    "delivered": "SMS has been delivered",
    "undelivered": "SMS has not been delivered",
    "rejected": "SMS has been rejected",
    "read": "SMS has been read",
}


def time_text(seconds: float, chance: random.Random) -> str:
    """Return ISO 8601 UTC with a count of fraction digits that varies, as 8x8's does."""
    moment = datetime.fromtimestamp(seconds, UTC)
    fraction = f"{moment.microsecond:06d}{chance.randrange(10)}"[: chance.choice((2, 3, 7))]
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def status_changed(message: SmsMessage, chance: random.Random) -> dict[str, Any]:
    """Return the event for a message's last change of state."""
    last = message.last
    status = {
        "state": last.state,
        "detail": last.detail,
        "timestamp": time_text(message.last_at, chance),
        "errorCode": last.error_code,
        "errorMessage": last.error_message,
    }
    payload = {
        "umid": message.umid,
        "batchId": message.batch_id,
        "clientMessageId": message.client_message_id,
        "clientBatchId": message.client_batch_id,
        "subAccountId": message.sub_account_id,
        "source": message.source,
        "destination": message.destination,
        "status": given(status),
        "price": message.price,
        "smsCount": message.segments,
    }
    return _event("outbound_message_status_changed", _DESCRIPTIONS[last.state], given(payload))


def message_received(payload: dict[str, Any]) -> dict[str, Any]:
    return _event("inbound_message_received", "Inbound SMS received", payload)


def short_url_clicked(message: SmsMessage, event_id: str, at: str) -> dict[str, Any]:
    """Return the event for a click on a link of a message; it names neither account nor sender."""
    payload = {
        "eventId": event_id,
        "occurredAt": at,
        "umid": message.umid,
        "destination": message.destination,
        "shortUrl": f"https://short.example/{event_id[:8]}",
        "targetUrl": link_in(message),
    }
    return _event("short_url_clicked", "Short URL clicked", payload)


def link_in(message: SmsMessage) -> str:
    """Return the first link in a message's text, empty without one."""
    found = re.search(r"https?://\S+", str(message.request["text"]))
    return found[0] if found else ""


def _event(event_type: str, description: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": "SMS",
        "eventType": event_type,
        "description": description,
        "payload": payload,
    }


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, as 8x8 does."""
    return {name: value for name, value in fields.items() if value}
