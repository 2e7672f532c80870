"""What the messages table knows of a person, and how it forgets them."""

from collections.abc import Iterator
from typing import NamedTuple

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.storage.items import CAMPAIGN, INBOUND_PREFIX, receipt_name, to_item
from sms_bridge.storage.table import MessagesTable

# The number and what leads to it: `client_message_id` is the caller's, and may name a person.
_OF_A_PERSON = ("destination", "recipient_hash", "client_message_id")
# What many messages have in common, unless a caller makes it of the number.
_OF_A_CAMPAIGN = {"campaign_id": CAMPAIGN, "dlt_template_id": "dlt_template_id", "source": "source"}


class Trace(NamedTuple):
    """An SMS from a person, and when it came."""

    id: str
    received_at: float


class DynamoDBPersonData:
    """Finds and removes what is known of a person."""

    def __init__(self, table: MessagesTable) -> None:
        self._table = table

    def anonymise(self, message: Message, number: str) -> bool:
        """Take the recipient off a message, and 8x8's words about it: what became of it stays.

        Campaign, template and sender go if they hold the number. Returns whether there was such a
        message.
        """
        spellings = {digits_of(number), digits_of(message.destination)} - {""}
        paths = [
            *_OF_A_PERSON,
            *(
                attribute
                for name, attribute in _OF_A_CAMPAIGN.items()
                if any(digits in digits_of(getattr(message, name)) for digits in spellings)
            ),
            *(f"{receipt_name(one)}.error_message" for one in message.receipts),
        ]
        if message.outcome and (message.outcome_reported_at or message.reply_to):
            paths.append("outcome.description")
        names = {f"#{one.replace(' ', '_')}": one for path in paths for one in path.split(".")}
        removed = tuple(f"#{path.replace(' ', '_').replace('.', '.#')}" for path in paths)
        # It may have expired meanwhile; an update would bring an empty item back.
        there = ["attribute_exists(accepted_at)"]
        return self._table.was_written(message.id, {}, remove=removed, only_if=there, names=names)

    def traces_of(self, number: str, recipient_hash: str) -> Iterator[Trace]:
        """Read everything, and return the SMS from a number or from the hash that stands for it."""
        digits = digits_of(number)
        senders = {":digits": digits, ":number": f"+{digits}", ":hash": recipient_hash}
        pages = self._table.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ConsistentRead=True,
            ProjectionExpression="id, received_at",
            FilterExpression=(
                "begins_with(id, :inbound) "
                "AND (#source IN (:digits, :number) OR sender_hash = :hash)"
            ),
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=to_item({":inbound": INBOUND_PREFIX, **senders}),
        )
        for page in pages:
            for item in page["Items"]:
                yield Trace(item["id"]["S"], seconds_of(item["received_at"]["S"]))

    def delete(self, trace: Trace) -> None:
        """Delete it; deleting it twice changes nothing."""
        self._table.delete(trace.id)
