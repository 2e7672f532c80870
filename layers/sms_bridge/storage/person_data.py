"""What the messages table knows of a person, and how it forgets them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.storage.aws import item_of_refusal
from sms_bridge.storage.items import CAMPAIGN, INBOUND_PREFIX, receipt_name, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The number and what leads to it: `client_message_id` is the caller's, and may name a person.
_OF_A_PERSON = ("destination", "recipient_hash", "client_message_id")
# What many messages have in common, unless a caller makes it of the number.
_OF_A_CAMPAIGN = {"campaign_id": CAMPAIGN, "dlt_template_id": "dlt_template_id", "source": "source"}


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """An SMS from a person."""

    id: str
    received_at: float
    """Seconds since the epoch."""


class DynamoDBPersonData:
    """Finds and removes what is known of a person."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
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
        removed = [f"#{path.replace(' ', '_').replace('.', '.#')}" for path in paths]
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"id": message.id}),
                UpdateExpression=f"REMOVE {', '.join(removed)}",
                # It may have expired meanwhile; an update would bring an empty item back.
                ConditionExpression="attribute_exists(accepted_at)",
                ExpressionAttributeNames=names,
            )
        except ClientError as error:
            item_of_refusal(error)
            return False
        return True

    def traces_of(self, number: str, recipient_hash: str = "") -> Iterator[Trace | None]:
        """Read everything, and return the SMS from a number or from the hash that stands for it;
        ``None`` after each page read.
        """
        digits = digits_of(number)
        values = {
            ":inbound": INBOUND_PREFIX,
            ":digits": digits,
            ":number": f"+{digits}",
            ":hash": recipient_hash or "none",
        }
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            ProjectionExpression="id, received_at",
            FilterExpression=(
                "begins_with(id, :inbound) "
                "AND (#source IN (:digits, :number) OR sender_hash = :hash)"
            ),
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=to_item(values),
        )
        for page in pages:
            for item in page["Items"]:
                yield Trace(item["id"]["S"], seconds_of(item["received_at"]["S"]))
            yield None

    def delete(self, trace: Trace) -> None:
        """Delete it; deleting it twice changes nothing."""
        self._client.delete_item(TableName=self._table, Key=to_item({"id": trace.id}))
