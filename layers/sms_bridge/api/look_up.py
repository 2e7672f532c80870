"""What became of messages: for support staff and scripts, and of one as 8x8 itself would say it."""

import base64
import math
import re
from collections.abc import Container
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sms_bridge.api.authentication import admit, check_full_numbers, check_look_up, check_reader
from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.request import HttpRequest, read_sub_account_id
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, Position, Receipt, State, is_message_id
from sms_bridge.domain.phone_number import NUMBER, masked
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import LookUp, Page, Wanted

if TYPE_CHECKING:
    from sms_bridge.storage.secret import SecretSource

# What is longer was never accepted, and may be too long for a key of the table.
_LOOKUP_KEYS = {"destination": math.inf, "eightx8Umid": 100, "campaignId": 256}
_MAX_LIMIT = 100

_NOT_FOUND = "There is no message with this id."


def answer_look_up(
    request: HttpRequest, secrets: "SecretSource", look_up: LookUp
) -> dict[str, Any]:
    """Answer support staff; recipients' numbers are masked unless the token allows it."""
    full_number = request.query("numbers") == "full"
    secret = admit(request, secrets, check_full_numbers if full_number else check_look_up)
    message_id = request.path_parameters.get("messageId")
    if message_id is None and lookup_key_of(request) != "eightx8Umid":
        page = look_up.page(read_wanted(request), hash_key=secret.hash_key)
        return page_answer(page, full_number=full_number)
    try:
        found = (
            look_up.by_umid(request.query("eightx8Umid").strip().lower())
            if message_id is None
            else look_up.by_id(message_id.strip().lower())
        )
    except DetailsFailedError as failure:
        raise RefusedError(Reason(failure.reason), f"{failure}.") from None
    if found is None:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, _NOT_FOUND)
    return look_up_answer(found, full_number=full_number)


def lookup_key_of(request: HttpRequest) -> str:
    """Return the one parameter by which messages are asked for."""
    given = [name for name in _LOOKUP_KEYS if request.query(name)]
    if len(given) != 1:
        raise RefusedError(
            Reason.QUERY_INVALID, f"Ask by exactly one of {', '.join(_LOOKUP_KEYS)}."
        )
    [name] = given
    if len(request.query(name)) > _LOOKUP_KEYS[name]:
        raise _wrong(name, f"must have at most {_LOOKUP_KEYS[name]} characters")
    return name


def read_wanted(request: HttpRequest) -> Wanted:
    destination, state = request.query("destination"), request.query("state")
    limit = request.query("limit") or str(Wanted().limit)
    # A + that was not escaped arrives as a space.
    if destination and not NUMBER.fullmatch(destination.strip()):
        raise _wrong("destination", "must be a phone number with its country code")
    if state and state not in State:
        raise _wrong("state", f"must be one of {', '.join(State)}")
    if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= _MAX_LIMIT:
        raise _wrong("limit", f"must be a number from 1 to {_MAX_LIMIT}")
    return Wanted(
        destination=destination.strip(),
        campaign_id=request.query("campaignId"),
        state=State(state) if state else None,
        before=_position(request.query("next")),
        limit=int(limit),
    )


def _position(text: str) -> Position | None:
    if not text:
        return None
    try:
        accepted_at, message_id = base64.urlsafe_b64decode(text).decode().split(" ")
        return Position(seconds_of(accepted_at), message_id)
    except ValueError:
        raise _wrong("next", "must be what an earlier answer gave") from None


def _wrong(name: str, message: str) -> RefusedError:
    return RefusedError.of_field(Reason.QUERY_INVALID, name, message)


def page_answer(page: Page, *, full_number: bool) -> dict[str, Any]:
    """Return the body of an answer with several messages; ``next`` asks for those after them."""
    last = f"{timestamp(page.next.accepted_at)} {page.next.message_id}" if page.next else ""
    return {
        "messages": [look_up_answer(message, full_number=full_number) for message in page.messages],
        **_known(next=base64.urlsafe_b64encode(last.encode()).decode()),
    }


def look_up_answer(message: Message, *, full_number: bool) -> dict[str, Any]:
    """Return the body of a look-up's answer; what is not known is left out."""
    return _known(
        umid=message.id,
        eightx8Umid=message.umid,
        state=message.state,
        subAccountId=message.sub_account_id,
        destination=message.destination if full_number else masked(message.destination),
        source=message.source,
        clientMessageId=message.client_message_id,
        campaignId=message.campaign_id,
        dltTemplateId=message.dlt_template_id,
        replyTo=message.reply_to,
        encoding=message.encoding,
        segments=message.segments,
        clicks=len(message.clicks),
        reason=message.reason,
        eightx8Code=message.eightx8_code,
        eightx8ErrorId=message.eightx8_error_id,
        outcome=message.outcome and asdict(message.outcome),
        timeline=[f"{at}: {what}" for at, what in timeline_of(message)],
        history=_history(message),
    )


def _history(message: Message) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"at": message.accepted_at, "event": "accepted"},
        # Until its answer is written down, which is not done for every acceptance.
        {"at": 0.0 if message.is_answered else message.attempt_at, "event": "handed to 8x8"},
        {"at": message.answered_at, "event": "answered by 8x8", "reason": message.reason},
        *(_receipt_event(receipt) for receipt in message.receipts),
        {"at": 0.0 if message.reply_to else message.outcome_due_at, "event": "outcome due"},
        {"at": message.outcome_reported_at, "event": "outcome reported"},
        {
            "at": message.outcome_given_up_at,
            "event": "outcome given up",
            "reason": message.outcome_given_up,
        },
        *({"at": at, "event": "link opened"} for at in message.clicks),
    ]
    known = sorted((step for step in steps if step["at"]), key=lambda step: float(step["at"]))
    return [_known(**{**step, "at": timestamp(step["at"])}) for step in known]


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _receipt_event(receipt: Receipt) -> dict[str, Any]:
    return {
        "at": receipt.received_at,
        "event": f"receipt {receipt.eightx8_state}",
        "detail": receipt.detail,
        "happenedAt": receipt.at,
        "errorCode": receipt.error_code,
        "errorMessage": receipt.error_message,
        "price": f"{receipt.price} {receipt.currency}".strip(),
    }


# ------------------------------------------------------------------------------ as 8x8 would say it
# 8x8's words for what it does not know of.
_STATES = {
    State.WAITING: "queued",
    State.SENDING: "queued",
    State.UNKNOWN: "unknown",
    State.DEFERRED: "sent",
    State.REJECTED: "failed",
}


def answer_with_details(
    request: HttpRequest, secrets: "SecretSource", look_up: LookUp, sub_account_ids: Container[str]
) -> dict[str, Any]:
    """Answer a client of 8x8's API, which has the token that it sends with and no other."""
    admit(request, secrets, check_reader)
    sub_account_id = read_sub_account_id(request, sub_account_ids)
    umid = request.path_parameters.get("umid", "").strip().lower()
    if not is_message_id(umid):
        raise RefusedError(
            Reason.FIELD_INVALID, "Invalid umid.", FieldError("umid", "", "is not a UUID")
        )
    found = look_up.by_id(umid)
    if found is None or not found.accepted_at or found.sub_account_id != sub_account_id:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, _NOT_FOUND)
    return details_answer(found)


def details_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer: 8x8's details, number and text masked."""
    return {
        "umid": message.id,
        "subAccountId": message.sub_account_id,
        "direction": "outbound",
        "status": _status(message),
        "msisdn": masked(message.destination),
        "source": message.source,
        "body": "**MASKED**",
        "encoding": message.encoding,
        "createdAt": timestamp(message.accepted_at),
        "smsCount": message.segments,
        "price": _price(message),
        **_known(clientMessageId=message.client_message_id),
    }


def _status(message: Message) -> dict[str, Any]:
    last = next((one for one in reversed(message.receipts) if one.state is message.state), None)
    code = last.error_code if last else message.eightx8_code
    at = last.received_at if last else message.answered_at or message.accepted_at
    return _known(
        state=_STATES.get(message.state, message.state.value),
        detail=last.detail if last else "",
        errorCode=int(code) if code.isdecimal() else 0,
        errorMessage=last.error_message if last else message.description,
        timestamp=timestamp(at),
    )


def _price(message: Message) -> dict[str, Any]:
    for receipt in reversed(message.receipts):
        if receipt.price and receipt.currency:
            total, segments = float(receipt.price), max(1, receipt.segments or message.segments)
            per_sms = round(total / segments, 6)
            return {"total": total, "perSms": per_sms, "currency": receipt.currency}
    # ISO 4217's code for no currency: 8x8 wants a price also of what costs nothing yet.
    return {"total": 0.0, "perSms": 0.0, "currency": "XXX"}
