"""People who do not want to be texted any more, in DynamoDB."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.services.interfaces import Person
from sms_bridge.storage.items import Item, attributes
from sms_bridge.storage.messages import read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBOptOuts:
    """:class:`OptOuts` in the messages table. A wish does not expire."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def is_opted_out(self, person: Person) -> bool:
        """See :class:`OptOuts`."""
        item = self._client.get_item(
            TableName=self._table,
            Key=attributes({"id": _id(person)}),
            ConsistentRead=True,
        ).get("Item")
        return item is not None and _is_out(item)

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        """See :class:`OptOuts`."""
        by_id = {_id(person): person for person in people}
        keys = ({"id": {"S": one}} for one in by_id)
        found = read_items(self._client, self._table, keys)
        return {by_id[item["id"]["S"]] for item in found if _is_out(item)}

    def record(self, person: Person, opt_request: OptRequest, at: str) -> None:
        """See :class:`OptOuts`."""
        nothing_newer = "attribute_not_exists(wished_at) OR wished_at <= :at"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=attributes({"id": _id(person)}),
                UpdateExpression="SET wish = :wish, wished_at = :at",
                ConditionExpression=nothing_newer,
                ExpressionAttributeValues=attributes({":wish": opt_request.value, ":at": at}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def _is_out(item: Item) -> bool:
    return bool(item["wish"]["S"] == OptRequest.OPT_OUT)


def _id(person: Person) -> str:
    sub_account_id, recipient_hash = person
    return f"opt-out {sub_account_id} {recipient_hash}"
