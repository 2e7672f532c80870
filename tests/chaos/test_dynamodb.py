"""The small DynamoDB of the simulation does what moto's does."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sms_bridge.storage.messages import DynamoDBMessages
from tests.builders import a_message
from tests.chaos.dynamodb import DynamoDBClient, Table
from tests.chaos.expressions import condition
from tests.contract import test_store_stories as reported
from tests.fakes.aws import TABLE, a_messages_table, an_aws_account

_numbers = itertools.count()


def a_small_dynamodb() -> Any:
    """Return a client of a table that never lags or fails."""
    return DynamoDBClient(Table(lambda: 0.0), lambda _, work: work())


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """moto's DynamoDB, with the bridge's table."""
    with an_aws_account():
        yield a_messages_table()


@given(st.lists(st.lists(reported._steps, max_size=10), min_size=3, max_size=5))
@settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_both_tell_the_same_of_any_story(moto: Any, stories: list[list[reported.Step]]) -> None:
    small = a_small_dynamodb()
    ids = []
    stores = [DynamoDBMessages(client, TABLE, retention_days=90) for client in (small, moto)]
    for steps in stories:
        message_id = f"1a1b2c3d-4e5f-4a6b-8c7d-{next(_numbers):012d}"
        ids.append(message_id)
        for position, step in enumerate(steps):
            at = f"2026-11-24T09:{30 + position}:00.000Z"
            ours, theirs = (reported.act(store, step, message_id, at) for store in stores)
            assert ours == theirs
        key = {"TableName": TABLE, "Key": {"id": {"S": message_id}}, "ConsistentRead": True}
        assert small.get_item(**key).get("Item") == moto.get_item(**key).get("Item")
    assert reported.lists(stores[0], ids) == reported.lists(stores[1], ids)


@pytest.mark.parametrize("expected", [True, False])
def test_both_hold_an_outcome_for_one(moto: Any, expected: bool) -> None:
    at, until, later = "2026-11-24T09:30", "2026-11-24T09:31", "2026-11-24T09:32"
    for client in (a_small_dynamodb(), moto):
        store = DynamoDBMessages(client, TABLE)
        message_id = f"held {expected}"
        assert store.hold_outcome(message_id, at, until)
        assert store.hold_outcome(message_id, until if expected else at, later) is expected


@pytest.mark.parametrize(
    "update",
    [
        {"UpdateExpression": "SET a = :a ADD n :n REMOVE c", ":n": "1"},
        {"UpdateExpression": "SET a = if_not_exists(a, :a), c = b"},
        {"UpdateExpression": "SET a = :a", "ConditionExpression": "b = :b", ":b": "x"},
        {"UpdateExpression": "SET a = :a", "ConditionExpression": "b IN (:b, :c)", ":c": "old"},
        {"UpdateExpression": "SET a = :a", "ConditionExpression": "NOT (b = :a) AND a <> :a"},
        {
            "UpdateExpression": "SET a = :a",
            "ConditionExpression": "attribute_not_exists(b) OR attribute_exists(n) AND b > :a",
        },
        {"UpdateExpression": "SET a = :a", ":b": "unused"},
        {"UpdateExpression": "SET a = :a REMOVE a"},
        {"UpdateExpression": "SET a = missing, b = :a"},
    ],
    ids=lambda update: " IF ".join(value for name, value in update.items() if name[0] != ":"),
)
def test_both_do_the_same_with_an_expression(moto: Any, update: dict[str, str]) -> None:
    answers = []
    for client in (a_small_dynamodb(), moto):
        name = update["UpdateExpression"]
        item = {"id": {"S": name}, "b": {"S": "old"}, "n": {"N": "41"}, "c": {"S": "c"}}
        client.put_item(TableName=TABLE, Item=item)
        given_values = {name: text for name, text in update.items() if name[0] == ":"}
        used = " ".join(update.values())
        values: dict[str, Any] = {":a": {"S": "new"}} if ":a" in used else {}
        for one, text in given_values.items():
            values[one] = {"N": text} if text.isdecimal() else {"S": text}
        if ":b" in used and ":b" not in values:
            values[":b"] = {"S": "other"}
        try:
            answer = client.update_item(
                TableName=TABLE,
                Key={"id": {"S": name}},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **{key: text for key, text in update.items() if key[0] != ":"},
            )["Attributes"]
        except ClientError as error:
            answer = (error.response["Error"]["Code"], error.response.get("Item"))
        answers.append(answer)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("expression", ["missing <= :a", "n < :a", "missing = :a"])
def test_what_is_missing_or_of_another_type_compares_with_nothing(expression: str) -> None:
    assert not condition(expression)({"n": {"N": "1"}}, {}, {":a": {"S": "x"}})


def test_the_index_lags_and_a_closed_message_is_not_open() -> None:
    now = 0.0
    table = Table(lambda: now, lag=lambda: 60.0)
    client: Any = DynamoDBClient(table, lambda _, work: work())
    store = DynamoDBMessages(client, TABLE)
    store.create(a_message())
    before = list(store.open_messages(until="9"))
    now = 61.0
    after = [message.id for message in store.open_messages(until="9")]
    store.close(a_message().id)

    assert (before, after) == ([], [a_message().id])
    assert table.indexed(a_message().id[0], "0", "9") == [a_message().id]
    assert list(store.open_messages(until="9")) == []
