"""What became of a message, as 8x8 itself would say it."""

from typing import Any

from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Receipt, is_message_id
from sms_bridge.domain.phone_number import masked
from sms_bridge.domain.state import State

# 8x8's words for what it does not know of.
_STATES = {
    State.WAITING: "queued",
    State.SENDING: "queued",
    State.UNKNOWN: "unknown",
    State.DEFERRED: "sent",
    State.REJECTED: "failed",
}
# ISO 4217's code for no currency: 8x8 wants a price also of what costs nothing yet.
_NO_PRICE = {"total": 0.0, "perSms": 0.0, "currency": "XXX"}


def read_umid(request: HttpRequest) -> str:
    umid = request.path_parameters.get("umid", "")
    if not is_message_id(umid):
        raise RefusedError(
            Reason.FIELD_INVALID, "Invalid umid.", FieldError("umid", "is not a UUID")
        )
    return umid


def details_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer: 8x8's details, number and text masked."""
    facts = [one for one in message.receipts if one.state is message.state]
    last = facts[-1] if facts else None
    answer: dict[str, Any] = {
        "umid": message.id,
        "subAccountId": message.sub_account_id,
        "direction": "outbound",
        "status": _status(message, last),
        "msisdn": masked(message.destination),
        "source": message.source,
        "body": "**MASKED**",
        "encoding": message.encoding,
        "createdAt": timestamp(message.accepted_at),
        "smsCount": message.segments,
        "price": _price(message),
    }
    if message.client_message_id:
        answer["clientMessageId"] = message.client_message_id
    return answer


def _status(message: Message, last: Receipt | None) -> dict[str, Any]:
    code = last.error_code if last else message.eightx8_code
    at = last.received_at if last else message.answered_at or message.accepted_at
    status: dict[str, Any] = {
        "state": _STATES.get(message.state, message.state.value),
        "detail": last.detail if last else "",
        "errorCode": int(code) if code.isdecimal() else 0,
        "errorMessage": last.error_message if last else message.description,
        "timestamp": timestamp(at),
    }
    return {name: value for name, value in status.items() if value}


def _price(message: Message) -> dict[str, Any]:
    for receipt in reversed(message.receipts):
        if receipt.price and receipt.currency:
            total, segments = float(receipt.price), max(1, receipt.segments or message.segments)
            per_sms = round(total / segments, 6)
            return {"total": total, "perSms": per_sms, "currency": receipt.currency}
    return _NO_PRICE
