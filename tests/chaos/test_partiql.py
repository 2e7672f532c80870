"""PartiQL's UPDATE in the words of UpdateItem, for whoever stands for DynamoDB."""

from typing import Any

import pytest

from tests.chaos.dynamodb import DynamoDBClient, Table
from tests.chaos.expressions import ExpressionError
from tests.chaos.partiql import update_of
from tests.fakes.aws import TABLE, a_messages_table, an_aws_account

SENT = """UPDATE "messages" SET "state" = 'new' WHERE "id" = ? AND "state" = ?"""
FIRST = 'UPDATE "messages" SET "n" = 2 WHERE "id" = ? AND "n" IS MISSING'


def a_statement(statement: str, *values: str) -> dict[str, Any]:
    return {"Statement": statement, "Parameters": [{"S": value} for value in values]}


def answers(client: Any) -> tuple[list[str], list[Any]]:
    """Return what a client answers to a batch in which some statements hold, and the items then."""
    for number in range(4):
        client.put_item(TableName=TABLE, Item={"id": {"S": f"m{number}"}, "state": {"S": "old"}})
    client.put_item(TableName=TABLE, Item={"id": {"S": "m4"}, "n": {"S": "1"}})
    batch = [
        a_statement(SENT, "m0", "old"),
        a_statement(SENT, "m1", "another"),
        a_statement(SENT, "not there", "old"),
        a_statement(FIRST, "m2"),
        a_statement(FIRST, "m4"),
        a_statement(FIRST, "not there either"),
    ]
    given: list[Any] = client.batch_execute_statement(Statements=batch)["Responses"]
    reported = [one["Error"]["Code"] if "Error" in one else one["TableName"] for one in given]
    keys = [{"id": {"S": f"m{number}"}} for number in range(5)]
    return reported, [
        client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"] for key in keys
    ]


def test_both_that_stand_for_dynamodb_do_the_same_with_a_batch() -> None:
    small = answers(DynamoDBClient(Table(lambda: 0.0), lambda _, work: work()))
    with an_aws_account():
        moto = answers(a_messages_table())

    refused = "ConditionalCheckFailed"
    assert small == moto
    assert small == (
        [TABLE, refused, refused, TABLE, refused, refused],
        [
            {"id": {"S": "m0"}, "state": {"S": "new"}},
            {"id": {"S": "m1"}, "state": {"S": "old"}},
            {"id": {"S": "m2"}, "state": {"S": "old"}, "n": {"N": "2"}},
            {"id": {"S": "m3"}, "state": {"S": "old"}},
            {"id": {"S": "m4"}, "n": {"S": "1"}},
        ],
    )


@pytest.mark.parametrize("number", [0, 26])
def test_a_batch_has_1_to_25_statements(number: int) -> None:
    client = DynamoDBClient(Table(lambda: 0.0), lambda _, work: work())
    batch = [a_statement(FIRST, f"m{one}") for one in range(number)]

    with pytest.raises(Exception, match="ValidationException"):
        client.batch_execute_statement(Statements=batch)


def test_a_batch_touches_no_item_twice() -> None:
    client = DynamoDBClient(Table(lambda: 0.0), lambda _, work: work())

    with pytest.raises(Exception, match="ValidationException"):
        client.batch_execute_statement(Statements=[a_statement(FIRST, "m0")] * 2)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ('DELETE FROM "messages" WHERE "id" = ?', ["m"]),
        ('UPDATE "messages" SET "n" = "n" + 1 WHERE "id" = ?', ["m"]),
        ('UPDATE "messages" SET n = ? WHERE "id" = ?', ["1", "m"]),
        ('UPDATE "messages" SET "n" = \'it\'\'s\' WHERE "id" = ?', ["m"]),
        ('UPDATE "messages" SET "n" = ? WHERE "id" = ? OR "n" = ?', ["1"] * 3),
        ('UPDATE "messages" SET "n" = ? WHERE "state" = ?', ["1", "old"]),
        ('UPDATE "messages" SET "n" = ? WHERE "id" = ? RETURNING ALL NEW *', ["1", "m"]),
        (FIRST, []),
        (FIRST, ["m", "too many"]),
    ],
)
def test_what_is_not_known_is_refused(statement: str, values: list[str]) -> None:
    with pytest.raises(ExpressionError):
        update_of(statement, [{"S": value} for value in values])
