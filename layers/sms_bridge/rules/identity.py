"""By what a message is found in the logs."""

from typing import Any

from sms_bridge.rules.messages import Message
from sms_bridge.rules.phone_numbers import masked


def identity_of(message: Message) -> dict[str, Any]:
    """Return the keys of each log line about a message: its own, its campaign's, its recipient's."""
    return {
        "message_id": message.id,
        "campaign_id": message.campaign_id,
        "sub_account_id": message.sub_account_id,
        "recipient": masked(message.destination),
        "recipient_hash": message.recipient_hash,
    }
