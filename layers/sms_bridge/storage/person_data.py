"""What the messages table knows of a person, and how it forgets them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.services.interfaces import Trace
from sms_bridge.storage.aws import item_of_refusal
from sms_bridge.storage.items import INBOUND_PREFIX, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EVENT_PREFIX = "event "

# The number and what leads to it: `client_message_id` is the caller's, and may name a person.
_OF_A_PERSON = ("destination", "recipient_hash", "client_message_id")


class DynamoDBPersonData:
    """:class:`PersonData` in the messages table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def anonymise(self, message_id: str) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"id": message_id}),
                UpdateExpression=f"REMOVE {', '.join(_OF_A_PERSON)}",
                # It may have expired meanwhile; an update would bring an empty item back.
                ConditionExpression="attribute_exists(accepted_at)",
            )
        except ClientError as error:
            item_of_refusal(error)
            return False
        return True

    def traces_of(self, number: str, recipient_hash: str = "") -> Iterator[Trace | None]:
        digits = digits_of(number)
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            ProjectionExpression="id, received_at",
            FilterExpression=(
                "(begins_with(id, :inbound) "
                "AND (#source IN (:digits, :number) OR sender_hash = :hash)) "
                "OR (begins_with(id, :event) AND contains(content, :digits))"
            ),
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=to_item(
                {
                    ":inbound": INBOUND_PREFIX,
                    ":event": EVENT_PREFIX,
                    ":digits": digits,
                    ":number": f"+{digits}",
                    ":hash": recipient_hash or "none",
                }
            ),
        )
        for page in pages:
            for item in page["Items"]:
                yield _trace(item)
            yield None

    def delete(self, trace: Trace) -> None:
        self._client.delete_item(TableName=self._table, Key=to_item({"id": trace.id}))


def _trace(item: dict[str, Any]) -> Trace:
    item_id = item["id"]["S"]
    return Trace(item_id, seconds_of(item["received_at"]["S"]), item_id.startswith(INBOUND_PREFIX))
