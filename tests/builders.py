"""Messages, receipts and results with defaults, so that a test names only what it is about."""

from dataclasses import replace
from typing import Any

from sms_bridge.rules.life_cycle import State, state_of_receipt
from sms_bridge.rules.messages import Message, MessageRequest, Receipt
from sms_bridge.rules.send_results import SendResult, Verdict

MESSAGE_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
NUMBER = "+6591234567"
TEXT = "Your order has shipped"
SUB_ACCOUNT = "acme_notifications"
AT = "2026-11-24T09:30:00.000Z"


def a_request(**changes: Any) -> MessageRequest:
    """Return a request to send."""
    request = MessageRequest(sub_account_id=SUB_ACCOUNT, destination=NUMBER, text=TEXT)
    return replace(request, **changes)


def a_message(**changes: Any) -> Message:
    """Return a message that was just accepted."""
    message = Message(
        id=MESSAGE_ID,
        state=State.SENDING,
        sub_account_id=SUB_ACCOUNT,
        destination=NUMBER,
        encoding="GSM7",
        segments=1,
        accepted_at=AT,
    )
    return replace(message, **changes)


def a_receipt(eightx8_state: str, **changes: Any) -> Receipt:
    """Return a receipt with one of 8x8's states."""
    receipt = Receipt(
        umid=UMID,
        client_message_id=MESSAGE_ID,
        sub_account_id=SUB_ACCOUNT,
        state=state_of_receipt(eightx8_state, changes.get("error_code", "")),
        eightx8_state=eightx8_state,
        at="2026-11-24T09:30:03.1234567Z",
        received_at="2026-11-24T09:30:04.000Z",
    )
    return replace(receipt, **changes)


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
