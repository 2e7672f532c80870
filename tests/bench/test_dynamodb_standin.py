"""The bench's DynamoDB: it answers as moto does, and charges as AWS says it does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.artifact import indexes
from bench.standins.dynamodb import ALL, KEYS_ONLY, Table, index_writes, size_of
from bench.standins.wire import Request
from sms_bridge.storage.messages import DynamoDBMessages
from tests.contract import test_store_stories as told
from tests.fakes.aws import TABLE, a_messages_table, an_aws_account

INDEXES = {"open": ("shard", "accepted_at", KEYS_ONLY)}


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """moto's DynamoDB, with the bridge's table."""
    with an_aws_account():
        yield a_messages_table()


def call(table: Table, operation: str, **content: Any) -> tuple[int, dict[str, Any]]:
    """Call the stand-in as it is called over the wire."""
    headers = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
    body = json.dumps({"TableName": TABLE, **content}).encode()
    reply = table.answer(Request("POST", "/", headers, body))
    return reply.status, json.loads(reply.body)


class Through:
    """A client that hands each call to moto and to the stand-in, and compares the answers."""

    def __init__(self, moto: Any, table: Table) -> None:
        self._moto = moto
        self._table = table
        self.exceptions = moto.exceptions

    def update_item(self, **content: Any) -> Any:
        return self._write("UpdateItem", self._moto.update_item, content)

    def put_item(self, **content: Any) -> Any:
        return self._write("PutItem", self._moto.put_item, content)

    def _write(self, operation: str, on_moto: Any, content: dict[str, Any]) -> Any:
        _, ours = call(self._table, operation, **content)
        refused = self.exceptions.ConditionalCheckFailedException
        try:
            theirs = on_moto(**content)
        except refused as error:
            theirs = {"__type": "#ConditionalCheckFailedException", **error.response}
            self._compare(ours, theirs)
            raise
        self._compare(ours, theirs)
        return theirs

    def get_item(self, **content: Any) -> Any:
        _, ours = call(self._table, "GetItem", **content)
        theirs = self._moto.get_item(**content)
        self._compare(ours, theirs)
        return theirs

    def batch_execute_statement(self, **content: Any) -> Any:
        _, ours = call(self._table, "BatchExecuteStatement", **content)
        theirs = self._moto.batch_execute_statement(**content)
        for our, their in zip(ours["Responses"], theirs["Responses"], strict=True):
            assert our.get("Error", {}).get("Code") == their.get("Error", {}).get("Code")
        return theirs

    @staticmethod
    def _compare(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        for name in ("Item", "Attributes"):
            assert ours.get(name) == theirs.get(name)
        code = ours.get("__type", "").rpartition("#")[2]
        assert code == theirs.get("__type", "").rpartition("#")[2]

    def query(self, **content: Any) -> Any:
        return self._moto.query(**content)

    def batch_get_item(self, **content: Any) -> Any:
        return self._moto.batch_get_item(**content)


_numbers = iter(range(10**9))


@given(st.lists(told._steps, max_size=10))
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_messages_life_is_the_same_with_moto(moto: Any, steps: list[told.Step]) -> None:
    message_id = f"2a1b2c3d-4e5f-4a6b-8c7d-{next(_numbers):012d}"
    client: Any = Through(moto, Table(indexes()))
    store = DynamoDBMessages(client, TABLE, retention_days=90)

    for position, step in enumerate(steps):
        told.act(store, step, message_id, f"2026-11-24T09:{30 + position}:00.000Z")


def test_the_template_names_the_indexes() -> None:
    assert indexes()["open"] == ("open_shard", "accepted_at", KEYS_ONLY)


# ---------------------------------------------------------------------------------------- charges
def an_item(**attributes: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in attributes.items()}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, an_item(id="1", shard="a", accepted_at="t"), 1),
        (an_item(id="1"), an_item(id="1", shard="a"), 0),
        (an_item(id="1", shard="a", accepted_at="t"), an_item(id="1", accepted_at="t"), 1),
        (
            an_item(id="1", shard="a", accepted_at="t"),
            an_item(id="1", shard="b", accepted_at="t"),
            2,
        ),
        (
            an_item(id="1", shard="a", accepted_at="t"),
            an_item(id="1", shard="a", accepted_at="t", state="sent"),
            0,
        ),
        (an_item(id="1", shard="a", accepted_at="t"), None, 1),
    ],
)
def test_an_index_is_written_when_its_keys_change(before: Any, after: Any, units: int) -> None:
    assert index_writes(before, after, INDEXES) == ({"open": units} if units else {})


FULL = {"by_campaign": ("campaign_id", "sent_at", ALL)}
SOLD = {"id": {"S": "1"}, "campaign_id": {"S": "sale"}, "sent_at": {"S": "9"}}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, SOLD, 1),
        (SOLD, SOLD | {"status": {"S": "sent"}}, 1),
        (SOLD, SOLD | {"campaign_id": {"S": "other"}}, 2),
        (SOLD, SOLD | {"status": {"S": "x" * 1024}}, 2),
        (SOLD, SOLD, 0),
        (SOLD, {"id": {"S": "1"}}, 1),
        ({"id": {"S": "1"}}, {"id": {"S": "1"}, "status": {"S": "sent"}}, 0),
    ],
)
def test_an_index_that_holds_all_is_written_whenever_the_item_is(
    before: Any, after: Any, units: int
) -> None:
    assert index_writes(before, after, FULL) == ({"by_campaign": units} if units else {})


@pytest.mark.parametrize(("length", "units"), [(10, 1), (1010, 1), (1025, 2), (2500, 3)])
def test_a_write_is_charged_by_begun_kilobytes(length: int, units: int) -> None:
    table = Table(INDEXES)

    call(table, "PutItem", Item=an_item(id="1", text="x" * length))

    assert table.charges.table_writes == units


def test_what_was_larger_before_is_charged_as_such() -> None:
    table = Table(INDEXES)
    call(table, "PutItem", Item=an_item(id="1", text="x" * 2500))
    table.charges.table_writes = 0

    call(table, "PutItem", Item=an_item(id="1"))

    assert table.charges.table_writes == 3


def test_a_refused_write_is_charged() -> None:
    table = Table(INDEXES)
    create = {"Item": an_item(id="1"), "ConditionExpression": "attribute_not_exists(id)"}
    statuses = [call(table, "PutItem", **create)[0] for _ in range(2)]

    assert statuses == [200, 400]
    assert (table.charges.items_written, table.charges.table_writes) == (2, 2)


@pytest.mark.parametrize(("consistent", "units"), [(True, 1), (False, 0.5)])
def test_a_consistent_read_costs_twice_as_much(consistent: bool, units: float) -> None:
    table = Table(INDEXES)

    call(table, "GetItem", Key=an_item(id="missing"), ConsistentRead=consistent)

    assert table.charges.reads == units


def an_update(key: str, *, only_new: bool = False) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_not_exists(seen)"} if only_new else {}
    return {
        "Update": {
            "TableName": TABLE,
            "Key": an_item(id=key),
            "UpdateExpression": "SET seen = :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            **condition,
        }
    }


def test_a_transaction_writes_all_at_twice_the_price() -> None:
    table = Table(INDEXES)

    status, _ = call(table, "TransactWriteItems", TransactItems=[an_update("1"), an_update("2")])

    assert (status, sorted(table.items)) == (200, ["1", "2"])
    assert (table.charges.items_written, table.charges.table_writes) == (2, 4)


def test_a_transaction_of_which_one_is_refused_writes_nothing() -> None:
    table = Table(INDEXES)
    call(table, "TransactWriteItems", TransactItems=[an_update("1")])
    actions = [an_update("1", only_new=True), an_update("2")]

    status, answer = call(table, "TransactWriteItems", TransactItems=actions)

    assert (status, sorted(table.items)) == (400, ["1"])
    assert [one["Code"] for one in answer["CancellationReasons"]] == [
        "ConditionalCheckFailed",
        "None",
    ]


@pytest.mark.parametrize(
    ("operation", "content"),
    [
        ("Scan", {}),
        ("UpdateItem", {"Key": an_item(id="1"), "AttributeUpdates": {}}),
        (
            "UpdateItem",
            {"Key": an_item(id="1"), "UpdateExpression": "SET a = :a"},
        ),
        ("BatchWriteItem", {"RequestItems": {TABLE: []}}),
    ],
)
def test_what_is_not_known_is_refused(operation: str, content: dict[str, Any]) -> None:
    status, answer = call(Table(INDEXES), operation, **content)

    assert status == 400
    assert answer["__type"].endswith(("#ValidationException", "#UnknownOperationException"))


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "12345"}, 4),
        ({"BOOL": True}, 1),
        ({"M": {"a": {"S": "bc"}}}, 3 + 1 + 2 + 1),
        ({"L": [{"S": "ab"}]}, 3 + 2 + 1),
        ({"SS": ["ab", "c"]}, 3),
    ],
)
def test_items_have_the_size_that_dynamodb_says(value: dict[str, Any], size: int) -> None:
    assert size_of({"name": value}) == 4 + size


def test_what_is_kept_includes_index_entries() -> None:
    table = Table(INDEXES)
    call(table, "PutItem", Item=an_item(id="1", shard="a", accepted_at="t"))
    item, entry = size_of(table.items["1"]), size_of(table.items["1"])

    assert table.stored_bytes == item + 100 + entry + 100
