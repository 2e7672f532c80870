"""A small DynamoDB: one table with a key ``id`` and the index ``open``, which lags."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.chaos.aws import client_error
from tests.chaos.expressions import (
    ExpressionError,
    Item,
    condition,
    refuse_unused,
    updated,
)
from tests.chaos.partiql import MOST_STATEMENTS, update_of

_ITEMS_A_PAGE = 25

Call = Callable[[str, Callable[[], Any]], Any]
"""Makes a call: the operation's name, and its work."""


class ConditionalCheckFailedException(ClientError):
    """The condition does not hold."""


class _Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedException


class Table:
    """The items, and an index over those that have ``open_shard`` and ``accepted_at``.

    Parameters
    ----------
    now
        The clock.
    lag
        After how many seconds the index shows a change.
    heard
        Is told every change: the key, and what was done.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        lag: Callable[[], float] = lambda: 0.0,
        heard: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self.items: dict[str, Item] = {}
        self._now = now
        self._lag = lag
        self._heard = heard
        self._index: dict[str, dict[str, str]] = defaultdict(dict)
        self._shard_of: dict[str, str] = {}
        self._to_index: list[tuple[float, int, str, str, str]] = []
        self._changes = 0

    def put(self, key: str, item: Item | None, what: str) -> None:
        """Write or delete an item."""
        before = self.items.get(key)
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item
        self._heard(key, what)
        shard, accepted_at = _place_of(item)
        if (shard, accepted_at) != _place_of(before):
            self._changes += 1
            shown_at = self._now() + self._lag()
            heapq.heappush(self._to_index, (shown_at, self._changes, key, shard, accepted_at))

    def indexed(self, shard: str, since: str, until: str) -> list[str]:
        """Return the keys on a shard, as far as the index has got, ordered."""
        while self._to_index and self._to_index[0][0] <= self._now():
            _, _, key, new_shard, accepted_at = heapq.heappop(self._to_index)
            old_shard = self._shard_of.pop(key, None)
            if old_shard is not None:
                del self._index[old_shard][key]
            if new_shard:
                self._index[new_shard][key] = accepted_at
                self._shard_of[key] = new_shard
        found = self._index.get(shard, {})
        return sorted(
            (key for key, at in found.items() if since <= at <= until), key=lambda key: found[key]
        )

    def open_keys(self) -> list[str]:
        """Return the keys of all items that have a shard, whether the index shows it or not."""
        return [key for key, item in self.items.items() if "open_shard" in item]


def _place_of(item: Item | None) -> tuple[str, str]:
    if item is None or "open_shard" not in item or "accepted_at" not in item:
        return "", ""
    return item["open_shard"]["S"], item["accepted_at"]["S"]


class DynamoDBClient:
    """boto3's DynamoDB client, as far as the bridge uses it.

    Parameters
    ----------
    call
        Makes a call, which may go wrong.
    leaves_keys
        Whether BatchGetItem leaves half of its keys for another call.
    throttles
        Whether BatchExecuteStatement does not do one of its statements.
    """

    exceptions = _Exceptions

    def __init__(
        self,
        table: Table,
        call: Call,
        *,
        leaves_keys: Callable[[], bool] = lambda: False,
        throttles: Callable[[], bool] = lambda: False,
    ) -> None:
        self._table = table
        self._call = call
        self._leaves_keys = leaves_keys
        self._throttles = throttles

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:  # noqa: ARG002
        """Read an item."""
        item = self._call("GetItem", lambda: self._table.items.get(Key["id"]["S"]))
        return {"Item": item} if item is not None else {}

    def put_item(
        self,
        *,
        TableName: str,  # noqa: ARG002
        Item: Item,
        ConditionExpression: str = "",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """Write an item, if there is none or no condition."""
        assert ConditionExpression in ("", "attribute_not_exists(id)")
        key = Item["id"]["S"]

        def work() -> None:
            before = self._table.items.get(key)
            if ConditionExpression and before is not None:
                raise _refused("PutItem", before, ReturnValuesOnConditionCheckFailure)
            self._table.put(key, Item, _changes({}, Item))

        self._call("PutItem", work)
        return {}

    def delete_item(self, *, TableName: str, Key: Item) -> dict[str, Any]:  # noqa: ARG002
        """Delete an item."""
        self._call("DeleteItem", lambda: self._table.put(Key["id"]["S"], None, "deleted"))
        return {}

    def update_item(
        self,
        *,
        TableName: str,  # noqa: ARG002
        Key: Item,
        UpdateExpression: str,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """Change an item, if a condition holds."""
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        key = Key["id"]["S"]

        def work() -> Item:
            before = self._table.items.get(key)
            item = before if before is not None else dict(Key)
            try:
                refuse_unused(f"{UpdateExpression} {ConditionExpression}", names, values)
                holds = not ConditionExpression or condition(ConditionExpression)(
                    before or {}, names, values
                )
                after = updated(item, UpdateExpression, names, values)
            except ExpressionError as error:
                raise client_error("ValidationException", "UpdateItem") from error
            if not holds:
                raise _refused("UpdateItem", before, ReturnValuesOnConditionCheckFailure)
            self._table.put(key, after, _changes(item, after))
            return after

        after = self._call("UpdateItem", work)
        return {"Attributes": after} if ReturnValues == "ALL_NEW" else {}

    def batch_execute_statement(self, *, Statements: list[dict[str, Any]]) -> dict[str, Any]:
        """Change many items, each if its own condition holds."""
        try:
            updates = [update_of(one["Statement"], one["Parameters"]) for one in Statements]
        except ExpressionError as error:
            raise client_error("ValidationException", "BatchExecuteStatement") from error
        keys = {update["Key"]["id"]["S"] for update in updates}
        if not 0 < len(updates) <= MOST_STATEMENTS or len(keys) < len(updates):
            raise client_error("ValidationException", "BatchExecuteStatement")
        throttled = [self._throttles() for _ in updates]

        def work() -> list[dict[str, Any]]:
            return [
                {"Error": {"Code": "ThrottlingError"}} if fails else self._tried(update)
                for update, fails in zip(updates, throttled, strict=True)
            ]

        return {"Responses": self._call("BatchExecuteStatement", work)}

    def _tried(self, update: dict[str, Any]) -> dict[str, Any]:
        """Do what a statement of a batch asks for."""
        alone = DynamoDBClient(self._table, lambda _, work: work())
        try:
            alone.update_item(**update)
            return {"TableName": update["TableName"]}
        except ConditionalCheckFailedException:
            return {"Error": {"Code": "ConditionalCheckFailed"}}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        """Read many items, in any order; some keys may be left for another call."""
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        if not 0 < len(keys) <= 100:
            raise client_error("ValidationException", "BatchGetItem")
        now = keys[: len(keys) // 2] if len(keys) > 1 and self._leaves_keys() else keys
        left = keys[len(now) :]

        def work() -> list[Item]:
            found = (self._table.items.get(key["id"]["S"]) for key in reversed(now))
            return [item for item in found if item is not None]

        return {
            "Responses": {table: self._call("BatchGetItem", work)},
            "UnprocessedKeys": {table: {**request, "Keys": left}} if left else {},
        }

    def query(
        self,
        *,
        TableName: str,  # noqa: ARG002
        IndexName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Mapping[str, Any],
        ScanIndexForward: bool,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        """Return a page of a query of the index, which may be empty."""
        # Look-ups, which go backwards by other indexes, change nothing and are not simulated.
        assert (IndexName, ScanIndexForward) == ("open", True)
        assert (
            KeyConditionExpression
            == "open_shard = :value AND accepted_at BETWEEN :since AND :until"
        )
        refuse_unused(KeyConditionExpression, {}, ExpressionAttributeValues)
        shard, since, until = (
            ExpressionAttributeValues[name]["S"] for name in (":value", ":since", ":until")
        )
        start = ExclusiveStartKey or {"accepted_at": {"S": ""}, "id": {"S": ""}}
        last = (start["accepted_at"]["S"], start["id"]["S"])
        keys = [
            key
            for key in self._call("Query", lambda: self._table.indexed(shard, since, until))
            if (self._accepted_at(key), key) > last
        ]
        page = keys[:_ITEMS_A_PAGE]
        answer: dict[str, Any] = {"Items": [{"id": {"S": key}} for key in page]}
        if len(keys) > _ITEMS_A_PAGE:
            at = self._accepted_at(page[-1])
            answer["LastEvaluatedKey"] = {"accepted_at": {"S": at}, "id": {"S": page[-1]}}
        return answer

    def _accepted_at(self, key: str) -> str:
        accepted_at: str = self._table.items[key]["accepted_at"]["S"]
        return accepted_at


def _refused(operation: str, before: Item | None, shown: str) -> ConditionalCheckFailedException:
    response: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
    if shown == "ALL_OLD" and before is not None:
        response["Item"] = before
    return ConditionalCheckFailedException(response, operation)


def _changes(before: Item, after: Item) -> str:
    changed = [
        f"{name}={next(iter(value.values()))}"
        for name, value in after.items()
        if before.get(name) != value and name not in ("id", "expires_at", "description")
    ]
    return ", ".join([*changed, *(f"-{name}" for name in before if name not in after)])
