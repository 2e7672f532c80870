"""What the messages table knows of a person, and how it forgets them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.rules.phone_numbers import digits_of
from sms_bridge.storage.message_items import INBOUND_PREFIX, attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EVENT_PREFIX = "event "

# The number and what leads to it: `client_message_id` is the caller's, and may name a person.
_OF_A_PERSON = ("destination", "recipient_hash", "client_message_id")


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that holds a person's number and is no message to them.

    Attributes
    ----------
    received_at
        ISO 8601 UTC.
    is_inbound
        Whether it is an SMS from the person; else it is a callback that was not understood.
    """

    id: str
    received_at: str
    is_inbound: bool


class PersonData(Protocol):
    """Finds and removes what is known of a person."""

    def anonymise(self, message_id: str) -> bool:
        """Take the recipient off a message: what became of it stays.

        Returns
        -------
        bool
            Whether there was such a message.
        """

    def traces_of(self, number: str) -> Iterator[Trace | None]:
        """Read everything, and return what holds a number; ``None`` after each page read."""

    def delete(self, trace: Trace) -> None:
        """Delete it; deleting it twice changes nothing."""


class DynamoDBPersonData:
    """:class:`PersonData` in the messages table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def anonymise(self, message_id: str) -> bool:
        """See :class:`PersonData`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=attributes({"id": message_id}),
                UpdateExpression=f"REMOVE {', '.join(_OF_A_PERSON)}",
                # It may have expired meanwhile; an update would bring an empty item back.
                ConditionExpression="attribute_exists(accepted_at)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def traces_of(self, number: str) -> Iterator[Trace | None]:
        """See :class:`PersonData`."""
        digits = digits_of(number)
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            ProjectionExpression="id, received_at",
            FilterExpression=(
                "(begins_with(id, :inbound) AND #source IN (:digits, :number)) "
                "OR (begins_with(id, :event) AND contains(content, :digits))"
            ),
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=attributes(
                {
                    ":inbound": INBOUND_PREFIX,
                    ":event": EVENT_PREFIX,
                    ":digits": digits,
                    ":number": f"+{digits}",
                }
            ),
        )
        for page in pages:
            for item in page["Items"]:
                yield _trace(item)
            yield None

    def delete(self, trace: Trace) -> None:
        """See :class:`PersonData`."""
        self._client.delete_item(TableName=self._table, Key=attributes({"id": trace.id}))


def _trace(item: dict[str, Any]) -> Trace:
    item_id = item["id"]["S"]
    return Trace(item_id, item["received_at"]["S"], item_id.startswith(INBOUND_PREFIX))
