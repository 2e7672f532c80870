"""The messages table in DynamoDB's own notation: conditional writes, batches and lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched, islice
from math import inf
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import timestamp
from sms_bridge.errors import BridgeError
from sms_bridge.storage.aws import item_of_refusal, refusal
from sms_bridge.storage.items import CAMPAIGN, Item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import ReturnValueType
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

# DynamoDB's limits.
_STATEMENTS_A_CALL = 25
_KEYS_A_CALL = 100

# The newest messages are read in growing steps: nearly always the first ones are meant.
_NEWEST_READ_FIRST = 5

# DynamoDB may leave keys for another call: of a hundred items it reads some every time.
_MAX_READS = 20

STAYS = frozenset({"umid", "sub_account_id", "expires_at"})
"""Attributes that keep the first value that is written."""


INDEXES = {
    # Messages whose outcome is not reported, and apart from them those given up.
    "open": "open_shard",
    "recipient": "recipient_hash",
    "campaign": CAMPAIGN,
}
"""By each index's name the attribute that it goes by.

All are sorted by ``accepted_at`` and hold keys only. Shards are named after an id's first digit, so
that a burst of messages is not written to one partition.
"""


class MessagesTable:
    """One DynamoDB table. Its key is the string attribute ``id``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    # ----------------------------------------------------------------------------------- one item
    def get(self, key: str, only: str = "") -> Item | None:
        projection: dict[str, Any] = {"ProjectionExpression": only} if only else {}
        return self.client.get_item(
            TableName=self.name, Key={"id": {"S": key}}, ConsistentRead=True, **projection
        ).get("Item")

    def put_new(self, key: str, values: Mapping[str, Any]) -> Item | None:
        """Write an item unless its id is taken; returns the one that has it."""
        try:
            self.client.put_item(
                TableName=self.name,
                Item=to_item({"id": key, **values}),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return item_of_refusal(error)
        return None

    def put(self, key: str, values: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item=to_item({"id": key, **values}))

    def delete(self, key: str) -> None:
        self.client.delete_item(TableName=self.name, Key={"id": {"S": key}})

    def was_written(self, key: str, changes: Mapping[str, Any], **more: Any) -> bool:
        """Update an item, and return whether the conditions held."""
        _, is_written = self.update(key, changes, returns="NONE", **more)
        return is_written

    def update(
        self,
        key: str,
        changes: Mapping[str, Any],
        *,
        first: Mapping[str, Any] = {},
        add: Mapping[str, Any] = {},
        remove: tuple[str, ...] = (),
        only_if: Sequence[str] = (),
        given: Mapping[str, Any] = {},
        returns: "ReturnValueType" = "ALL_OLD",
    ) -> tuple[Item, bool]:
        """Change an item if all conditions hold.

        Returns the item as it is then, empty where there is none, and whether it was changed. boto3
        takes a while for each attribute of an answer, so DynamoDB is asked for the item as it was,
        which lacks what is written now.

        ``first`` is set unless it is there already; by ``add`` numbers are counted up, and what is
        in it is put into sets. Conditions name each of these values after its attribute, and those
        that are ``given`` beside them.
        """
        values, stays = to_item({**changes, **first}), STAYS | first.keys()
        assignments = [
            f"#{name} = if_not_exists(#{name}, :{name})" if name in stays else f"#{name} = :{name}"
            for name in values
        ]
        clauses = {"SET": assignments, "ADD": [f"{name} :{name}" for name in add], "REMOVE": remove}
        condition = " AND ".join(only_if)
        named = [*values, "state"] if "#state" in condition else values
        placed = {**values, **to_item({**add, **given})}
        call: dict[str, Any] = {
            "TableName": self.name,
            "Key": {"id": {"S": key}},
            "UpdateExpression": " ".join(
                f"{keyword} {', '.join(parts)}" for keyword, parts in clauses.items() if parts
            ),
            "ExpressionAttributeNames": {f"#{name}": name for name in named},
            "ExpressionAttributeValues": {f":{name}": value for name, value in placed.items()},
            "ConditionExpression": condition,
            "ReturnValues": returns,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            answer = self.client.update_item(**{name: part for name, part in call.items() if part})
        except ClientError as error:
            return item_of_refusal(error), False
        old = answer.get("Attributes", {})
        if returns != "ALL_OLD":
            return old, True
        there = {name: value for name, value in old.items() if name in stays or name not in values}
        now = {"id": {"S": key}, **values, **there}
        return {name: value for name, value in now.items() if name not in remove}, True

    # ----------------------------------------------------------------------------------- batches
    def insert(self, many: Iterable[Mapping[str, Any]]) -> Iterator[Exception | None]:
        """Insert items in few calls, each for itself; yields why one failed.

        BatchWriteItem knows no conditions, and a transaction costs twice the write units. PartiQL's
        ``INSERT`` refuses an id that is taken, but does not show the item.
        """
        # Of what came from outside each value is a parameter.
        return self.execute(
            {
                "Statement": f'INSERT INTO "{self.name}" VALUE {{{_placeholders(item)}}}',
                "Parameters": list(item.values()),
            }
            for item in map(to_item, many)
        )

    def execute(
        self, statements: "Iterable[BatchStatementRequestTypeDef]"
    ) -> Iterator[Exception | None]:
        """Execute statements in few calls, each for itself; yields why one failed."""
        for some in batched(statements, _STATEMENTS_A_CALL):
            try:
                answer = self.client.batch_execute_statement(Statements=list(some))
                errors: list[Exception | None] = [
                    refusal(one["Error"], answer) if "Error" in one else None
                    for one in answer["Responses"]
                ]
            except Exception as error:
                errors = [error] * len(some)
            yield from errors

    def read(self, ids: Iterable[str]) -> Iterator[Item]:
        """Return the items that there are, in any order. No two ids may be the same."""
        for some in batched(ids, _KEYS_A_CALL):
            left: Sequence[Any] = [{"id": {"S": one}} for one in some]
            for _ in range(_MAX_READS):
                answer = self.client.batch_get_item(
                    RequestItems={self.name: {"Keys": left, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self.name, [])
                left = answer["UnprocessedKeys"].get(self.name, {"Keys": []})["Keys"]
                if not left:
                    break
            else:
                raise BridgeError("DynamoDB leaves keys out again and again")

    # ------------------------------------------------------------------------------------- lists
    def find(
        self,
        index: str,
        value: str,
        *,
        since: float = 0.0,
        until: float = inf,
        backwards: bool = False,
    ) -> Iterator[Item]:
        """Return the items under a value of an index, by when they were accepted."""
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": (
                f"{INDEXES[index]} = :value AND accepted_at BETWEEN :since AND :until"
            ),
            "ExpressionAttributeValues": {
                ":value": {"S": value},
                ":since": {"S": timestamp(since)},
                ":until": {"S": timestamp(until) if until < inf else "9"},
            },
            "ScanIndexForward": not backwards,
        }
        at_once = _NEWEST_READ_FIRST if backwards else _KEYS_A_CALL
        while True:
            page = self.client.query(**query)
            ids = iter([one["id"]["S"] for one in page["Items"]])
            while some := list(islice(ids, at_once)):
                # They come back in any order.
                items = {one["id"]["S"]: one for one in self.read(some)}
                yield from (items[one] for one in some if one in items)
                at_once = min(4 * at_once, _KEYS_A_CALL)
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _placeholders(item: Item) -> str:
    return ", ".join(f"'{name}': ?" for name in item)
