"""People who do not want to be texted any more, in DynamoDB."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sms_bridge.domain.opt_out import OptRequest, Person
from sms_bridge.storage.aws import item_of_refusal
from sms_bridge.storage.items import Item, to_item
from sms_bridge.storage.messages import read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBOptOuts:
    """:class:`OptOuts` in the messages table. A request does not expire."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def is_opted_out(self, person: Person) -> bool:
        item = self._client.get_item(
            TableName=self._table,
            Key=to_item({"id": _id(person)}),
            ConsistentRead=True,
        ).get("Item")
        return item is not None and _is_out(item)

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        by_id = {_id(person): person for person in people}
        keys = ({"id": {"S": one}} for one in by_id)
        found = read_items(self._client, self._table, keys)
        return {by_id[item["id"]["S"]] for item in found if _is_out(item)}

    def record(self, person: Person, opt_request: OptRequest, at: float) -> None:
        nothing_known = "attribute_not_exists(requested_at)"
        it_is_newer = "requested_at < :at"
        same_moment = "requested_at = :at"
        may_replace = (
            same_moment
            if opt_request is OptRequest.OPT_OUT
            else f"({same_moment} AND opt_request = :opt_request)"
        )
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"id": _id(person)}),
                UpdateExpression="SET opt_request = :opt_request, requested_at = :at",
                ConditionExpression=f"{nothing_known} OR {it_is_newer} OR {may_replace}",
                ExpressionAttributeValues=to_item({":opt_request": opt_request.value, ":at": at}),
            )
        except ClientError as error:
            item_of_refusal(error)


def _is_out(item: Item) -> bool:
    return bool(item["opt_request"]["S"] == OptRequest.OPT_OUT)


def _id(person: Person) -> str:
    sub_account_id, recipient_hash = person
    return f"opt-out {sub_account_id} {recipient_hash}"
