"""What became of messages: for support staff and scripts, and of one as 8x8 itself would say it."""

import re
from collections.abc import Container
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sms_bridge.api.authentication import admit, check_full_numbers, check_look_up, check_reader
from sms_bridge.api.request import HttpRequest, Reason, RefusedError, read_sub_account_id
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Position, State
from sms_bridge.domain.phone_number import NUMBER, masked
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import LookUp, Page, Wanted

if TYPE_CHECKING:
    from sms_bridge.storage.secret import SecretSource

_KEYS = ("destination", "eightx8Umid", "campaignId")
_PARAMETERS = {
    # A + that was not escaped arrives as a space.
    "destination": (rf"\s*{NUMBER.pattern}\s*", "must be a phone number with its country code"),
    # What is longer was never accepted, and may be too long for a key of the table.
    "eightx8Umid": (".{1,100}", "must have at most 100 characters"),
    "campaignId": (".{1,256}", "must have at most 256 characters"),
    "state": ("|".join(State), f"must be one of {', '.join(State)}"),
    "limit": ("[1-9][0-9]?|100", "must be a number from 1 to 100"),
    "next": ("[0-9]{1,13}_[0-9a-f-]{36}", "must be what an earlier answer gave"),
}
"""What each may hold, as a pattern and in words."""


def answer_look_up(
    request: HttpRequest, secrets: "SecretSource", look_up: LookUp
) -> dict[str, Any]:
    """Answer support staff; recipients' numbers are masked unless the token allows it."""
    full_number = request.query("numbers") == "full"
    secret = admit(request, secrets, check_full_numbers if full_number else check_look_up)
    message_id = request.path_parameters.get("messageId")
    if message_id is not None:
        found = look_up.by_id(message_id.strip().lower())
    else:
        asked = read_query(request)
        if "eightx8Umid" not in asked:
            page = look_up.page(_wanted(asked), hash_key=secret.hash_key)
            return page_answer(page, full_number=full_number)
        try:
            found = look_up.by_umid(asked["eightx8Umid"].strip().lower())
        except DetailsFailedError as failure:
            raise RefusedError(Reason(failure.reason), f"{failure}.") from None
    return look_up_answer(_known_message(found), full_number=full_number)


def read_query(request: HttpRequest) -> dict[str, str]:
    """Return what messages are asked for by: exactly one key, and what narrows it down."""
    asked = {}
    for name, (pattern, words) in _PARAMETERS.items():
        if value := request.query(name):
            if not re.fullmatch(pattern, value, re.DOTALL):
                raise RefusedError.of_field(Reason.QUERY_INVALID, name, words)
            asked[name] = value
    if len(asked.keys() & _KEYS) != 1:
        raise RefusedError(Reason.QUERY_INVALID, f"Ask by exactly one of {', '.join(_KEYS)}.")
    return asked


def _wanted(asked: dict[str, str]) -> Wanted:
    accepted_at, _, message_id = asked.get("next", "").partition("_")
    return Wanted(
        destination=asked.get("destination", ""),
        campaign_id=asked.get("campaignId", ""),
        state=State(asked["state"]) if "state" in asked else None,
        before=Position(int(accepted_at) / 1000, message_id) if accepted_at else None,
        limit=int(asked.get("limit", "50")),
    )


def _known_message(found: Message | None) -> Message:
    if found is None:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, "There is no message with this id.")
    return found


def page_answer(page: Page, *, full_number: bool) -> dict[str, Any]:
    """Return the body of an answer with several messages; ``next`` asks for those after them."""
    last = page.next and f"{round(page.next.accepted_at * 1000)}_{page.next.message_id}"
    return {
        "messages": [look_up_answer(message, full_number=full_number) for message in page.messages],
        **_known(next=last),
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
        history=[
            _known(
                at=timestamp(receipt.received_at),
                event=f"receipt {receipt.eightx8_state}",
                detail=receipt.detail,
                happenedAt=receipt.at,
                errorCode=receipt.error_code,
                errorMessage=receipt.error_message,
                price=f"{receipt.price} {receipt.currency}".strip(),
            )
            for receipt in message.receipts
        ],
    )


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


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
    found = look_up.by_id(request.path_parameters.get("umid", "").strip().lower())
    is_its_own = found and found.accepted_at and found.sub_account_id == sub_account_id
    return details_answer(_known_message(found if is_its_own else None))


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
