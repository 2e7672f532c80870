"""DynamoDB over the wire: one table with its indexes, and what each call would be charged.

Expressions are evaluated by the chaos suite's reader, which is held against moto's. An operation or
an option that is not known here is refused, so that nothing is measured that did not happen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bench.standins.wire import Reply, Request
from tests.chaos.expressions import ExpressionError, Item, condition, refuse_unused, updated
from tests.chaos.partiql import MOST_STATEMENTS, update_of

_TARGET = "DynamoDB_20120810."
_KIND = "application/x-amz-json-1.0"
_ERRORS = "com.amazonaws.dynamodb.v20120810#"
_WRITE_UNIT, _READ_UNIT = 1024, 4096
_OVERHEAD = 100
_MOST_IN_TRANSACTION, _MOST_IN_BATCH_WRITE, _MOST_IN_BATCH_GET = 100, 25, 100

Indexes = Mapping[str, tuple[str, str, str]]
"""The key attributes of each index, partition and sort, and its projection."""

KEYS_ONLY, ALL = "KEYS_ONLY", "ALL"


class RefusedError(Exception):
    """An error that DynamoDB answers with."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.content = {"__type": _ERRORS + code, "message": message, **more}


@dataclass
class Charges:
    """Request units, and how they came about.

    Attributes
    ----------
    table_writes
        Write request units.
    index_writes
        The same, by index.
    reads
        Read request units.
    items_written
        Writes of items that were tried, whatever they cost; a refused condition is one.
    """

    table_writes: float = 0.0
    index_writes: dict[str, int] = field(default_factory=dict)
    reads: float = 0.0
    items_written: int = 0


@dataclass
class Table:
    """The items, and what reading and writing them has cost so far."""

    indexes: Indexes
    items: dict[str, Item] = field(default_factory=dict)
    charges: Charges = field(default_factory=Charges)

    # ------------------------------------------------------------------------------------ calls
    def answer(self, request: Request) -> Reply:
        """Answer a call."""
        operation = request.headers["x-amz-target"].removeprefix(_TARGET)
        call = self._calls.get(operation)
        try:
            if call is None:
                raise RefusedError("UnknownOperationException", operation)
            content = call(self, request.content)
            status = 200
        except RefusedError as refused:
            content, status = refused.content, 400
        return Reply(f"dynamodb {operation}", status, json.dumps(content).encode(), _KIND)

    def _get(self, call: dict[str, Any]) -> dict[str, Any]:
        _known(call, "Key", "ConsistentRead")
        item = self.items.get(_key_of(call["Key"]))
        self._charge_read(item, consistent=call.get("ConsistentRead", False))
        return {} if item is None else {"Item": item}

    def _put(self, call: dict[str, Any]) -> dict[str, Any]:
        _known(call, "Item", *_CONDITION)
        self._write(_key_of(call["Item"]), call, lambda _: call["Item"])
        return {}

    def _delete(self, call: dict[str, Any]) -> dict[str, Any]:
        _known(call, "Key", *_CONDITION)
        self._write(_key_of(call["Key"]), call, lambda _: None)
        return {}

    def _update(self, call: dict[str, Any]) -> dict[str, Any]:
        _known(call, "Key", "UpdateExpression", "ReturnValues", *_CONDITION)
        key = _key_of(call["Key"])
        before = self.items.get(key)
        after = self._write(key, call, _updating(call))
        match call.get("ReturnValues", "NONE"):
            case "NONE":
                return {}
            case "ALL_NEW":
                return {"Attributes": after}
            case "ALL_OLD":
                return {"Attributes": before} if before else {}
            case "UPDATED_NEW":
                changed = {k: v for k, v in (after or {}).items() if (before or {}).get(k) != v}
                return {"Attributes": changed}
            case other:
                raise RefusedError("ValidationException", f"ReturnValues {other}")

    def _transact(self, call: dict[str, Any]) -> dict[str, Any]:
        """Write all or nothing, at twice the price."""
        actions = call["TransactItems"]
        if not 0 < len(actions) <= _MOST_IN_TRANSACTION:
            raise RefusedError("ValidationException", "1 to 100 actions")
        plans, reasons = [], []
        for action in actions:
            ((kind, one),) = action.items()
            key = _key_of(one["Item"] if kind == "Put" else one["Key"])
            before = self.items.get(key)
            after: Item | None
            match kind:
                case "Put":
                    after = one["Item"]
                case "Update":
                    after = _updating(one)(before)
                case "Delete":
                    after = None
                case "ConditionCheck":
                    after = before
                case _:
                    raise RefusedError("ValidationException", kind)
            holds = _holds(before, one)
            reasons.append({"Code": "None"} if holds else _refusal(before, one))
            plans.append((key, before, after))
        if len({key for key, _, _ in plans}) < len(plans):
            raise RefusedError("ValidationException", "one item, several actions")
        cancelled = any(reason["Code"] != "None" for reason in reasons)
        for key, before, after in plans:
            self._store(key, before, before if cancelled else after, times=2)
        if cancelled:
            raise RefusedError(
                "TransactionCanceledException",
                f"[{', '.join(str(reason['Code']) for reason in reasons)}]",
                CancellationReasons=reasons,
            )
        return {}

    def _batch_write(self, call: dict[str, Any]) -> dict[str, Any]:
        ((_, writes),) = call["RequestItems"].items()
        if not 0 < len(writes) <= _MOST_IN_BATCH_WRITE:
            raise RefusedError("ValidationException", "1 to 25 writes")
        for write in writes:
            if "PutRequest" in write:
                item = write["PutRequest"]["Item"]
                key = _key_of(item)
                self._store(key, self.items.get(key), item)
            else:
                key = _key_of(write["DeleteRequest"]["Key"])
                self._store(key, self.items.get(key), None)
        return {"UnprocessedItems": {}}

    def _batch_get(self, call: dict[str, Any]) -> dict[str, Any]:
        ((table, wanted),) = call["RequestItems"].items()
        if not 0 < len(wanted["Keys"]) <= _MOST_IN_BATCH_GET:
            raise RefusedError("ValidationException", "1 to 100 keys")
        found = []
        for key in wanted["Keys"]:
            item = self.items.get(_key_of(key))
            self._charge_read(item, consistent=wanted.get("ConsistentRead", False))
            if item is not None:
                found.append(item)
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _batch_execute(self, call: dict[str, Any]) -> dict[str, Any]:
        """Change many items, each if its own condition holds."""
        try:
            updates = [update_of(one["Statement"], one["Parameters"]) for one in call["Statements"]]
        except ExpressionError as error:
            raise RefusedError("ValidationException", str(error)) from error
        keys = {_key_of(update["Key"]) for update in updates}
        if not 0 < len(updates) <= MOST_STATEMENTS or len(keys) < len(updates):
            raise RefusedError("ValidationException", "1 to 25 statements, each of another item")
        answers: list[dict[str, Any]] = []
        for update in updates:
            try:
                self._update(update)
                answers.append({"TableName": update["TableName"]})
            except RefusedError as refused:
                if refused.code != "ConditionalCheckFailedException":
                    raise
                answers.append({"Error": {"Code": "ConditionalCheckFailed"}})
        return {"Responses": answers}

    def _describe(self, call: dict[str, Any]) -> dict[str, Any]:
        """What a client may ask to have the connection open; it is not charged."""
        return {"Table": {"TableName": call["TableName"], "TableStatus": "ACTIVE"}}

    def _query(self, call: dict[str, Any]) -> dict[str, Any]:
        """Read an index between two moments, as `reconcile` and look-ups do."""
        partition, sort, _ = self.indexes[call["IndexName"]]
        values = call["ExpressionAttributeValues"]
        expected = f"{partition} = :value AND {sort} BETWEEN :since AND :until"
        if call["KeyConditionExpression"] != expected:
            raise RefusedError("ValidationException", call["KeyConditionExpression"])
        found = [
            {"id": item["id"], partition: item[partition], sort: item[sort]}
            for item in self.items.values()
            if item.get(partition) == values[":value"]
            and values[":since"]["S"] <= item.get(sort, {"S": ""})["S"] <= values[":until"]["S"]
        ]
        found.sort(key=lambda item: item[sort]["S"], reverse=not call.get("ScanIndexForward", True))
        self.charges.reads += max(1, math.ceil(sum(map(size_of, found)) / _READ_UNIT)) / 2
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    _calls: ClassVar[Mapping[str, Callable[[Any, dict[str, Any]], dict[str, Any]]]] = {
        "GetItem": _get,
        "PutItem": _put,
        "UpdateItem": _update,
        "DeleteItem": _delete,
        "TransactWriteItems": _transact,
        "BatchWriteItem": _batch_write,
        "BatchGetItem": _batch_get,
        "BatchExecuteStatement": _batch_execute,
        "Query": _query,
        "DescribeTable": _describe,
    }

    @property
    def stored_bytes(self) -> int:
        """What all items and index entries take, with DynamoDB's 100 bytes for each."""
        return sum(
            size_of(item)
            + _OVERHEAD
            + sum(
                _OVERHEAD + size_of(entry)
                for index in self.indexes.values()
                if (entry := _entry(item, index)) is not None
            )
            for item in self.items.values()
        )

    # ----------------------------------------------------------------------------------- inside
    def _write(
        self, key: str, call: dict[str, Any], make: Callable[[Item | None], Item | None]
    ) -> Item | None:
        before = self.items.get(key)
        after = make(before)
        if not _holds(before, call):
            self._store(key, before, before)
            refusal = _refusal(before, call)
            item = {"Item": refusal["Item"]} if "Item" in refusal else {}
            raise RefusedError(
                "ConditionalCheckFailedException", "The conditional request failed", **item
            )
        self._store(key, before, after)
        return after

    def _store(self, key: str, before: Item | None, after: Item | None, *, times: int = 1) -> None:
        """Write and charge; what stays as it is was a refused condition, and is charged as well."""
        size = max(size_of(before), size_of(after))
        self.charges.items_written += 1
        self.charges.table_writes += times * max(1, math.ceil(size / _WRITE_UNIT))
        by_index = self.charges.index_writes
        for index, units in index_writes(before, after, self.indexes).items():
            by_index[index] = by_index.get(index, 0) + units
        if after is None:
            self.items.pop(key, None)
        else:
            self.items[key] = after

    def _charge_read(self, item: Item | None, *, consistent: bool) -> None:
        units = max(1, math.ceil(size_of(item) / _READ_UNIT))
        self.charges.reads += units if consistent else units / 2


_CONDITION = (
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
)
_NEVER_MATTERS = ("TableName", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics")


def _known(call: dict[str, Any], *options: str) -> None:
    unknown = call.keys() - {*options, *_NEVER_MATTERS}
    if unknown:
        raise RefusedError("ValidationException", f"not known here: {', '.join(unknown)}")


def _key_of(attributes: Item) -> str:
    key: str = attributes["id"]["S"]
    return key


def _updating(call: dict[str, Any]) -> Callable[[Item | None], Item | None]:
    names = call.get("ExpressionAttributeNames", {})
    values = call.get("ExpressionAttributeValues", {})
    expression = call.get("UpdateExpression", "")

    def make(before: Item | None) -> Item:
        item = before if before is not None else dict(call["Key"])
        try:
            return updated(item, expression, names, values)
        except ExpressionError as error:
            raise RefusedError("ValidationException", str(error)) from error

    return make


def _holds(before: Item | None, call: dict[str, Any]) -> bool:
    names = call.get("ExpressionAttributeNames", {})
    values = call.get("ExpressionAttributeValues", {})
    expression = call.get("ConditionExpression", "")
    try:
        refuse_unused(f"{call.get('UpdateExpression', '')} {expression}", names, values)
        return not expression or condition(expression)(before or {}, names, values)
    except ExpressionError as error:
        raise RefusedError("ValidationException", str(error)) from error


def _refusal(before: Item | None, call: dict[str, Any]) -> dict[str, Any]:
    shows = call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and before is not None
    return {"Code": "ConditionalCheckFailed", **({"Item": before} if shows else {})}


def size_of(item: Item | None) -> int:
    """Return an item's size by DynamoDB's rules: names and values in UTF-8."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case "BOOL" | "NULL":
            return 1
        case "M":
            return 3 + size_of(content) + len(content)
        case "L":
            return 3 + sum(map(_value_size, content)) + len(content)
        case "SS":
            return sum(len(one.encode()) for one in content)
    raise RefusedError("ValidationException", f"type {kind}")


def index_writes(before: Item | None, after: Item | None, indexes: Indexes) -> dict[str, int]:
    """Return the write units that indexes take for a change of an item.

    An entry that appears, disappears or changes where it is is a write; one that moves is two, out
    and in.
    """
    units = {}
    for name, index in indexes.items():
        old, new = _entry(before, index), _entry(after, index)
        if old == new:
            continue
        moves = old is None or new is None or any(old[key] != new[key] for key in index[:2])
        sizes = (
            [size_of(entry) for entry in (old, new) if entry is not None]
            if moves
            else [max(size_of(old), size_of(new))]
        )
        units[name] = sum(math.ceil(size / _WRITE_UNIT) for size in sizes)
    return units


def _entry(item: Item | None, index: tuple[str, str, str]) -> Item | None:
    """Return what an index holds of an item."""
    partition, sort, projection = index
    if item is None or partition not in item or sort not in item:
        return None
    if projection == ALL:
        return item
    return {name: item[name] for name in ("id", partition, sort)}
