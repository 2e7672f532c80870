"""What became of a message, for support staff and scripts."""

import base64
import re
from typing import Any

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, Receipt
from sms_bridge.domain.phone_number import NUMBER, masked
from sms_bridge.domain.recorded import Position
from sms_bridge.domain.state import State
from sms_bridge.domain.timeline import timeline_of
from sms_bridge.services.look_up import Page, Wanted

_LOOKUP_KEYS = ("destination", "eightx8Umid", "campaignId")
# What is longer was never accepted, and may be too long for a key of the table.
_MAX_CHARACTERS = {"eightx8Umid": 100, "campaignId": 256}
_MAX_LIMIT = 100
_LIMIT = re.compile(r"[0-9]{1,3}", re.ASCII)


def lookup_key_of(request: HttpRequest) -> str:
    """Return the one parameter by which messages are asked for."""
    given = [name for name in _LOOKUP_KEYS if request.query(name)]
    if len(given) != 1:
        raise RefusedError(
            Reason.QUERY_INVALID, f"Ask by exactly one of {', '.join(_LOOKUP_KEYS)}."
        )
    [name] = given
    most = _MAX_CHARACTERS.get(name)
    if most and len(request.query(name)) > most:
        raise _wrong(name, f"must have at most {most} characters")
    return name


def read_wanted(request: HttpRequest) -> Wanted:
    destination, state = request.query("destination"), request.query("state")
    limit = request.query("limit") or str(Wanted().limit)
    # A + that was not escaped arrives as a space.
    if destination and not NUMBER.fullmatch(destination.strip()):
        raise _wrong("destination", "must be a phone number with its country code")
    if state and state not in State:
        raise _wrong("state", f"must be one of {', '.join(State)}")
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= _MAX_LIMIT:
        raise _wrong("limit", f"must be a number from 1 to {_MAX_LIMIT}")
    return Wanted(
        destination=destination.strip(),
        campaign_id=request.query("campaignId"),
        state=State(state) if state else None,
        before=_position(request.query("next")),
        limit=int(limit),
    )


def page_answer(page: Page, *, full_number: bool) -> dict[str, Any]:
    """Return the body of an answer with several messages; ``next`` asks for those after them."""
    answer: dict[str, Any] = {
        "messages": [look_up_answer(message, full_number=full_number) for message in page.messages]
    }
    if page.next:
        text = f"{timestamp(page.next.accepted_at)} {page.next.message_id}"
        answer["next"] = base64.urlsafe_b64encode(text.encode()).decode()
    return answer


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


def look_up_answer(message: Message, *, full_number: bool) -> dict[str, Any]:
    """Return the body of a look-up's answer; what is not known is left out."""
    answer: dict[str, Any] = {
        "umid": message.id,
        "eightx8Umid": message.umid,
        "state": message.state,
        "subAccountId": message.sub_account_id,
        "destination": message.destination if full_number else masked(message.destination),
        "source": message.source,
        "clientMessageId": message.client_message_id,
        "campaignId": message.campaign_id,
        "dltTemplateId": message.dlt_template_id,
        "replyTo": message.reply_to,
        "encoding": message.encoding,
        "segments": message.segments,
        "clicks": len(message.clicks),
        "reason": message.reason,
        "eightx8Code": message.eightx8_code,
        "eightx8ErrorId": message.eightx8_error_id,
    }
    if outcome := message.outcome:
        answer["outcome"] = {
            "status": outcome.status,
            "reason": outcome.reason,
            "description": outcome.description,
        }
    answer["timeline"] = [f"{at}: {what}" for at, what in timeline_of(message)]
    answer["history"] = _history(message)
    return _known(answer)


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
    return [_known({**step, "at": timestamp(step["at"])}) for step in known]


def _known(fields: dict[str, Any]) -> dict[str, Any]:
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
