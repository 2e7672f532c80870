"""What the page shows, as JSON."""

from __future__ import annotations

import time
import unicodedata
from bisect import bisect_right
from dataclasses import asdict
from typing import Any

from local.campaign import CAMPAIGN_ID_PREFIX
from local.console.bridge_watch import Values
from local.console.timeline import steps_of, wait_of
from local.console.traces import Trace, message_ids_of
from local.eightx8 import SendRequest, SmsMessage
from local.eightx8.events import link_in
from local.eightx8.segments import parts_of, unicode_characters
from local.moengage import DeliveryTracking, Report
from local.moengage.configuration import WebhookRequest
from local.moengage.verdicts import Verdict, verdict_of

_MOST_CHARACTERS_OF_A_LIST = 100
_HIDDEN = "•••"


def row(trace: Trace, tracking: DeliveryTracking | None) -> dict[str, Any]:
    """Show a message in a list."""
    message, item = trace.message, trace.record.item
    verdict = (
        verdict_of(message, tracking, trace.record.lost, repeats=trace.repeats)
        if trace.is_moengages
        else _verdict_of_another(item)
    )
    answer = message.answers[-1] if message.answers else None
    return {
        "key": trace.key,
        "at": message.at,
        "campaignId": message.campaign_id,
        "isDemo": message.campaign_id.startswith(CAMPAIGN_ID_PREFIX),
        "sender": message.sender.name,
        "number": message.destination,
        "text": message.text[:_MOST_CHARACTERS_OF_A_LIST],
        "messageId": message.unique_id if trace.is_moengages else trace.key,
        "httpStatus": answer.http_status if answer else None,
        "verdict": asdict(verdict),
        "reason": message.reason,
        "state": item.get("state", ""),
        "segments": trace.record.sms[0].segments if trace.record.sms else item.get("segments", 0),
        # Grows with whatever happened: the page asks again for the message that it shows.
        "steps": len(message.answers)
        + len(message.reports)
        + len(trace.record.refused)
        + len(trace.record.lines)
        + sum(1 + bool(request.status) for request in trace.record.requests)
        + sum(1 + bool(callback.status) for callback in trace.record.callbacks),
    }


def detail(trace: Trace, tracking: DeliveryTracking | None) -> dict[str, Any]:
    """Show a message with all that is known of it."""
    message, wait = trace.message, wait_of(trace)
    return {
        **row(trace, tracking),
        "text": message.text,
        "now": time.time(),
        "timeline": [asdict(step) for step in steps_of(trace)],
        "wait": asdict(wait) if wait else None,
        "item": trace.record.item,
        "lines": [asdict(line) for line in trace.record.lines],
        "request": _webhook(message.request) if trace.is_moengages else None,
        "answers": [
            {
                "at": answer.at,
                "seconds": answer.seconds,
                "httpStatus": answer.http_status,
                "content": answer.content,
            }
            for answer in message.answers
        ],
        "reports": [
            {**report(one), "counts": one in message.reports}
            for one in (*trace.record.refused, *message.reports, *trace.record.lost)
        ],
    }


def _webhook(request: WebhookRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": {
            name: f"{value.partition(' ')[0]} {_HIDDEN}"
            if name.lower() == "authorization"
            else value
            for name, value in request.headers.items()
        },
        "body": request.body.decode(errors="replace"),
    }


def _verdict_of_another(item: Values) -> Verdict:
    """Judge a message that MoEngage does not know by what the bridge has of it."""
    outcome = item.get("outcome", {})
    reason = outcome.get("reason", "")
    hint = (
        "It did not come from this page, or was not answered in time. MoEngage does not "
        "know it, and ignores a report about it."
    )
    match outcome.get("status"):
        case "DELIVERED":
            return Verdict("delivered", "Delivered, by the bridge", hint)
        case "FAILED":
            return Verdict("failed", f"Failed, by the bridge: {reason}", hint)
    return Verdict("sent", "Under way, by the bridge", hint)


def report(one: Report) -> dict[str, Any]:
    return {
        "at": one.at,
        "messageId": one.unique_id,
        "httpStatus": one.http_status,
        "content": one.content,
    }


def eightx8_request(number: int, request: SendRequest) -> dict[str, Any]:
    return {
        "number": number,
        "at": request.at,
        "path": request.path,
        "headers": request.headers,
        "body": request.body,
        "status": request.status,
        "code": request.code,
        "batch": request.batch,
        "messageIds": message_ids_of(request),
    }


def sms(one: SmsMessage) -> dict[str, Any]:
    return {
        "umid": one.umid,
        "messageId": one.client_message_id,
        "subAccountId": one.sub_account_id,
        "number": one.destination,
        "request": one.request,
        "segments": one.segments,
        "state": one.state,
        "at": one.accepted_at,
    }


def size(text: str, encoding: str = "AUTO") -> dict[str, Any]:
    """Show how many SMS a text is, and what makes it Unicode."""
    parts = parts_of(text, encoding)
    forcing = unicode_characters(text) if parts.encoding == "UCS2" else []
    return {
        "encoding": parts.encoding,
        "segments": parts.count,
        "cutOff": parts.cut_off,
        "forcing": [
            {
                "character": character,
                "codePoint": f"U+{ord(character):04X}",
                "name": unicodedata.name(character, "a control character").lower(),
            }
            for character in forcing
        ],
    }


def on_phone(sms: SmsMessage) -> dict[str, Any]:
    """Show an SMS as the recipient's phone does: 8x8 sends no more than ten parts."""
    text, encoding = str(sms.request["text"]), str(sms.request.get("encoding", "AUTO"))
    if sms.cut_off:
        fits = range(len(text))
        text = text[
            : bisect_right(
                fits, False, key=lambda length: parts_of(text[:length], sms.encoding).cut_off
            )
            - 1
        ]
    return {
        "umid": sms.umid,
        "number": sms.destination,
        "from": sms.source,
        "subAccountId": sms.sub_account_id,
        "text": text,
        "hasLink": bool(link_in(sms)),
        "at": sms.last_at,
        "messageId": sms.client_message_id,
        **size(str(sms.request["text"]), encoding),
    }
