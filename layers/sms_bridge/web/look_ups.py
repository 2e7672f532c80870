"""What became of a message, for support staff and scripts."""

from typing import Any

from sms_bridge.rules.messages import Message, Receipt
from sms_bridge.rules.phone_numbers import masked


def look_up_answer(message: Message, *, full_number: bool) -> dict[str, Any]:
    """Return the body of a look-up's answer; what is not known is left out.

    Parameters
    ----------
    full_number
        Whether to show the recipient's whole number.
    """
    number = message.destination if full_number else masked(message.destination)
    answer: dict[str, Any] = {
        "messageId": message.id,
        "state": message.state,
        "subAccountId": message.sub_account_id,
        "destination": number,
        "source": message.source,
        "clientMessageId": message.client_message_id,
        "campaignId": message.campaign_id,
        "dltTemplateId": message.dlt_template_id,
        "umid": message.umid,
        "encoding": message.encoding,
        "segments": message.segments,
        "reason": message.reason,
        "eightx8Code": message.eightx8_code,
        "eightx8ErrorId": message.eightx8_error_id,
    }
    if message.outcome:
        answer["outcome"] = {
            "status": message.outcome.status,
            "reason": message.outcome.reason,
            "description": message.outcome.description,
        }
    answer["history"] = _history(message)
    return {name: value for name, value in answer.items() if value}


def _history(message: Message) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"at": message.accepted_at, "event": "accepted"},
        {"at": message.answered_at, "event": "answered by 8x8", "reason": message.reason},
        *(_receipt_event(receipt) for receipt in message.receipts),
        {"at": message.outcome_due_at, "event": "outcome due"},
        {"at": message.outcome_told_at, "event": "MoEngage told"},
        {
            "at": message.outcome_given_up_at,
            "event": "outcome given up",
            "reason": message.outcome_given_up,
        },
    ]
    known = ({name: value for name, value in step.items() if value} for step in steps)
    return sorted((step for step in known if "at" in step), key=lambda step: str(step["at"]))


def _receipt_event(receipt: Receipt) -> dict[str, Any]:
    return {
        "at": receipt.received_at,
        "event": f"receipt {receipt.eightx8_state}",
        "detail": receipt.detail,
        "happenedAt": receipt.at,
        "errorCode": receipt.error_code,
        "errorMessage": receipt.error_message,
        "price": receipt.price,
    }
