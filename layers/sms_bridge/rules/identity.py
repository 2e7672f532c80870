"""By what a message is found in the logs."""

from typing import Any

from sms_bridge.rules.messages import Message
from sms_bridge.rules.phone_numbers import masked


def identity_of(message: Message) -> dict[str, Any]:
    """Return what each log line about it holds: what names it, its campaign, its recipient."""
    return {
        "message_id": message.id,
        "campaign_id": message.campaign_id,
        "sub_account_id": message.sub_account_id,
        "recipient": masked(message.destination),
        "recipient_hash": message.recipient_hash,
    }
