"""People who do not want to be texted any more, in DynamoDB."""

import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from sms_bridge.rules.opt_outs import Wish
from sms_bridge.rules.phone_numbers import digits_of
from sms_bridge.storage.many_items import read_items
from sms_bridge.storage.message_items import Item, attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


Person = tuple[str, str]
"""Somebody who gets messages: the sub-account that sends them, and the number."""


class OptOuts(Protocol):
    """Knows who opted out of which sub-account's messages."""

    def is_opted_out(self, sub_account_id: str, number: str, *, hash_key: str) -> bool:
        """Tell whether a person opted out."""

    def opted_out_among(self, people: Iterable[Person], *, hash_key: str) -> set[Person]:
        """Return those of many people who opted out."""

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
        return item is not None and _is_out(item)

    def opted_out_among(self, people: Iterable[Person], *, hash_key: str) -> set[Person]:
        """See :class:`OptOuts`."""
        ids = {person: _id(*person, hash_key) for person in people}
        # A number may stand there with and without a plus.
        keys = [{"id": {"S": one}} for one in set(ids.values())]
        found = read_items(self._client, self._table, keys)
        out = {item["id"]["S"] for item in found if _is_out(item)}
        return {person for person, one in ids.items() if one in out}

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


def _is_out(item: Item) -> bool:
    return bool(item["wish"]["S"] == Wish.STOP)


def _id(sub_account_id: str, number: str, hash_key: str) -> str:
    who = f"{sub_account_id} {digits_of(number)}".encode()
    return f"opt-out {hmac.digest(hash_key.encode(), who, 'sha256').hex()}"
