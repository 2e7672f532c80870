"""Messages, receipts and results with defaults, so that a test names only what it is about."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from sms_bridge.api.request import HttpRequest, RefusedError
from sms_bridge.domain.arrivals import InboundMessage
from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, Receipt, State
from sms_bridge.domain.opt_out import Person
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.providers.eightx8 import state_of_receipt
from sms_bridge.settings import SendSettings
from sms_bridge.storage.secret import SecretSource
from tests.functions import ENVIRONMENT

MESSAGE_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
NUMBER = "+6591234567"
TEXT = "Your order has shipped"
SUB_ACCOUNT = "acme_notifications"
AT = seconds_of("2026-11-24T09:30:00Z")
SEND_BEFORE = AT + 3600
EVER = float("inf")


def a_request(**changes: Any) -> MessageRequest:
    """Return a request to send."""
    request = MessageRequest(sub_account_id=SUB_ACCOUNT, destination=NUMBER, text=TEXT)
    return replace(request, **changes)


def a_message(**changes: Any) -> Message:
    """Return a message that was just accepted and is being sent."""
    message = Message(
        id=MESSAGE_ID,
        state=State.SENDING,
        sub_account_id=SUB_ACCOUNT,
        destination=NUMBER,
        claimed_by="request-1",
        encoding="GSM7",
        segments=1,
        accepted_at=AT,
        send_before=SEND_BEFORE,
        attempt=1,
        attempt_at=AT,
    )
    return replace(message, **changes)


def a_person(
    number: str = NUMBER, sub_account_id: str = SUB_ACCOUNT, hash_key: str = "k"
) -> Person:
    """Return somebody as opt-outs know them."""
    return sub_account_id, keyed_hash(number, hash_key)


def a_receipt(eightx8_state: str, **changes: Any) -> Receipt:
    """Return a receipt with one of 8x8's states."""
    receipt = Receipt(
        umid=UMID,
        client_message_id=MESSAGE_ID,
        sub_account_id=SUB_ACCOUNT,
        state=state_of_receipt(eightx8_state, changes.get("error_code", "")),
        eightx8_state=eightx8_state,
        at="2026-11-24T09:30:03.1234567Z",
        received_at=AT + 4,
    )
    return replace(receipt, **changes)


def an_inbound(**changes: Any) -> InboundMessage:
    """Return an SMS that somebody wrote to a virtual number."""
    inbound = InboundMessage(
        umid=UMID,
        sub_account_id=SUB_ACCOUNT,
        source=NUMBER,
        destination="+6598765432",
        text="STOP",
        received_at=AT,
    )
    return replace(inbound, **changes)


ACCEPTED = SendResult(verdict=Verdict.ACCEPTED, http_status=200, umid=UMID, encoding="GSM7")
REJECTED = SendResult(
    verdict=Verdict.PERMANENT,
    reason="eightx8_rejected",
    description="8x8 rejected the message",
    http_status=200,
    umid=UMID,
)
REFUSED = SendResult(
    verdict=Verdict.PERMANENT,
    reason="eightx8_invalid_destination",
    description="8x8 says that the phone number is not valid",
    http_status=400,
    eightx8_code="1002",
)
AMBIGUOUS = SendResult(
    verdict=Verdict.AMBIGUOUS, reason="eightx8_timeout", description="8x8 did not answer in time"
)
THROTTLED = SendResult(
    verdict=Verdict.THROTTLED,
    reason="eightx8_throttled",
    description="8x8's rate limit was reached",
    http_status=429,
)
NOT_SENT = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="eightx8_unreachable",
    description="8x8 could not be reached",
)
BAD_REQUEST = SendResult(
    verdict=Verdict.PERMANENT,
    reason="eightx8_bad_request",
    description="8x8 refused the request",
    http_status=400,
)


def an_http_request(body: str | bytes = "", **changes: Any) -> HttpRequest:
    """Return a request to send; a body of bytes comes in base64, as API Gateway does it."""
    event = {
        "requestContext": {
            "http": {"method": "POST", "sourceIp": "203.0.113.7"},
            "requestId": "request-1",
        },
        "rawPath": f"/api/v1/subaccounts/{SUB_ACCOUNT}/messages",
        "pathParameters": {"subAccountId": SUB_ACCOUNT},
        "headers": {"content-type": "application/json"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }
    request = HttpRequest(event)
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def a_json_request(fields: Any, **changes: Any) -> HttpRequest:
    """Return a request to send, with a JSON body."""
    return an_http_request(json.dumps(fields), **changes)


def a_form_request(fields: dict[str, str], **changes: Any) -> HttpRequest:
    """Return a request to send, with a form body."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return an_http_request(urlencode(fields).encode(), **{"headers": headers, **changes})


def send_settings(**changes: Any) -> SendSettings:
    """Return settings of `send_sms` with one sub-account and no rules."""
    settings = SendSettings(ENVIRONMENT["SendSms"])
    settings.sub_account_ids = (SUB_ACCOUNT,)
    settings.transactional_sub_account_ids = ()
    settings.default_sender_id = ""
    for name, value in changes.items():
        setattr(settings, name, value)
    return settings


def a_secret_source(**values: Any) -> SecretSource:
    """Return the source of a secret that holds these values."""
    text = json.dumps({"hashKey": "k", "eightx8ApiKey": "key", **values})
    client: Any = SimpleNamespace(get_secret_value=lambda **_: {"SecretString": text})
    return SecretSource(client, "arn", max_age_seconds=300)


def refusal_of(read: Callable[..., object], *given: object, **options: object) -> RefusedError:
    """Return the refusal of what is read or checked."""
    with pytest.raises(RefusedError) as caught:
        read(*given, **options)
    return caught.value


def a_receipt_callback(
    eightx8_state: str, *, status: dict[str, Any] | str | None = None, **payload: Any
) -> dict[str, Any]:
    """Return the body of a callback with a receipt; changes go to its payload or its status."""
    own = {"state": eightx8_state, "timestamp": "2026-11-24T09:30:03.12Z"}
    return {
        "namespace": "SMS",
        "eventType": "outbound_message_status_changed",
        "description": "SMS status has changed",
        "payload": {
            "umid": UMID,
            "clientMessageId": MESSAGE_ID,
            "subAccountId": SUB_ACCOUNT,
            "source": "Acme",
            "destination": NUMBER,
            "status": status if isinstance(status, str) else own | (status or {}),
            "smsCount": 1,
            **payload,
        },
    }


def an_inbound_callback(text: str, **payload: Any) -> dict[str, Any]:
    """Return the body of a callback with an SMS from a person; changes go to its payload."""
    return {
        "namespace": "SMS",
        "eventType": "inbound_message_received",
        "description": "Inbound SMS",
        "payload": {
            "umid": UMID,
            "subAccountId": SUB_ACCOUNT,
            "timestamp": "2026-11-24T09:30:03.12Z",
            "source": NUMBER,
            "destination": "+6598765432",
            "body": text,
            "encoding": "GSM7",
            "smsCount": 1,
            **payload,
        },
    }


def plain(value: Any) -> Any:
    """Return values as what can be compared: the bridge compares none, so they cannot be."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def a_click_callback(**payload: Any) -> dict[str, Any]:
    """Return the body of a callback for an opened link; changes go to its payload."""
    return {
        "namespace": "SMS",
        "eventType": "short_url_clicked",
        "description": "Short URL from SMS clicked",
        "payload": {
            "eventId": "0f6a0c0f-8b67-4a3a-a6c3-7b0ecf0d2b1a",
            "occurredAt": "2026-11-24T09:30:03Z",
            "umid": UMID,
            "destination": NUMBER,
            "shortUrl": "https://short.example/abc123/abc",
            "targetUrl": f"https://shop.example/?person={NUMBER}",
            **payload,
        },
    }
