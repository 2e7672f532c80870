"""People who do not want to be texted any more, in DynamoDB."""

import hmac
from typing import TYPE_CHECKING, Protocol

from sms_bridge.rules.opt_outs import Wish
from sms_bridge.rules.phone_numbers import digits_of
from sms_bridge.storage.message_items import attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class OptOuts(Protocol):
    """Knows who opted out of which sub-account's messages."""

    def is_opted_out(self, sub_account_id: str, number: str, *, hash_key: str) -> bool:
        """Tell whether a person opted out."""

    def record(
        self, sub_account_id: str, number: str, wish: Wish, at: str, *, hash_key: str
    ) -> None:
        """Record what a person asked for. An earlier wish that comes late changes nothing."""


class DynamoDBOptOuts:
    """:class:`OptOuts` in the messages table. A wish does not expire."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def is_opted_out(self, sub_account_id: str, number: str, *, hash_key: str) -> bool:
        """See :class:`OptOuts`."""
        item = self._client.get_item(
            TableName=self._table,
            Key=attributes({"id": _id(sub_account_id, number, hash_key)}),
            ConsistentRead=True,
        ).get("Item")
        return item is not None and item["wish"]["S"] == Wish.STOP

    def record(
        self, sub_account_id: str, number: str, wish: Wish, at: str, *, hash_key: str
    ) -> None:
        """See :class:`OptOuts`."""
        nothing_newer = "attribute_not_exists(wished_at) OR wished_at <= :at"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=attributes({"id": _id(sub_account_id, number, hash_key)}),
                UpdateExpression="SET wish = :wish, wished_at = :at, sub_account_id = :account",
                ConditionExpression=nothing_newer,
                ExpressionAttributeValues=attributes(
                    {":wish": wish.value, ":at": at, ":account": sub_account_id}
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def _id(sub_account_id: str, number: str, hash_key: str) -> str:
    who = f"{sub_account_id} {digits_of(number)}".encode()
    return f"opt-out {hmac.digest(hash_key.encode(), who, 'sha256').hex()}"
