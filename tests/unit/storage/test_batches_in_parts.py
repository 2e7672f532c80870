"""Batches that DynamoDB works off in part: what is left counts for itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.state import State
from sms_bridge.json_text import WrittenList
from sms_bridge.services.interfaces import Attempt
from sms_bridge.storage.messages import (
    DynamoDBMessages,
    LeftOutError,
    begin_first_attempts,
    read_items,
)
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from tests.builders import AT, NUMBER, a_message, a_person
from tests.chaos.dynamodb import DynamoDBClient, Table

IDS = [f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]


class DynamoDB:
    """A table of waiting messages, and the operations that were called.

    Attributes
    ----------
    fails_at
        Which call fails, counted from 1.
    """

    def __init__(self, **faults: Any) -> None:
        self.calls: list[str] = []
        self.fails_at = 0
        client: Any = DynamoDBClient(Table(lambda: 0.0), self._call, **faults)
        self.client = client
        self.store = DynamoDBMessages(client, "messages")
        for message_id in IDS:
            waiting = a_message(id=message_id, state=State.WAITING, attempt=0, attempt_at="")
            self.store.create(waiting)
        self.calls.clear()

    def _call(self, operation: str, work: Any) -> Any:
        self.calls.append(operation)
        if len(self.calls) == self.fails_at:
            raise TimeoutError
        return work()

    def states(self) -> Iterator[State]:
        for message_id in IDS:
            message = self.store.get(message_id)
            assert message is not None
            yield message.state


def test_a_batch_takes_as_many_calls_as_it_has_to() -> None:
    dynamodb = DynamoDB()

    dynamodb.store.begin_first_attempts(IDS, AT)

    assert dynamodb.calls == ["BatchExecuteStatement"] * 2


def test_statements_that_are_written_already_are_those_that_are_listed() -> None:
    class Listens:
        def batch_execute_statement(self, *, Statements: WrittenList) -> dict[str, Any]:
            assert json.loads(Statements.text) == Statements
            return {"Responses": [{"TableName": "messages"} for _ in Statements]}

    client: Any = Listens()

    begun = begin_first_attempts(client, "messages", [*IDS, 'not "one" of ours'], AT)

    assert len(begun) == len(IDS) + 1
    assert set(begun.values()) == {True}


def test_a_statement_that_is_throttled_is_the_failure_of_one_message() -> None:
    turns = iter([False, True])
    dynamodb = DynamoDB(throttles=lambda: next(turns, False))

    attempts = dynamodb.store.begin_first_attempts(IDS, AT)

    failure = attempts.pop(IDS[1])
    assert type(failure).__name__ == "ThrottlingError"
    assert all(isinstance(one, Attempt) and one.begun for one in attempts.values())
    assert list(dynamodb.states()) == [State.SENDING, State.WAITING] + [State.SENDING] * 28


@pytest.mark.parametrize(("fails_at", "failed"), [(1, IDS[:25]), (2, IDS[25:])])
def test_a_call_that_fails_is_the_failure_of_its_messages(fails_at: int, failed: list[str]) -> None:
    dynamodb = DynamoDB()
    dynamodb.fails_at = fails_at

    attempts = dynamodb.store.begin_first_attempts(IDS, AT)

    assert [one for one in IDS if isinstance(attempts[one], TimeoutError)] == failed
    assert list(attempts) == IDS


@pytest.mark.parametrize("fails_at", [2, 3])
def test_one_that_is_refused_and_cannot_be_looked_up_is_a_failure(fails_at: int) -> None:
    """The call is the first; then the message is read, and its next attempt begun."""
    dynamodb = DynamoDB()
    dynamodb.client.update_item(
        TableName="messages",
        Key={"id": {"S": IDS[0]}},
        UpdateExpression="SET attempt = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    dynamodb.calls.clear()
    dynamodb.fails_at = fails_at

    attempts = dynamodb.store.begin_first_attempts(IDS[:2], AT)

    assert isinstance(attempts[IDS[0]], TimeoutError)
    assert isinstance(attempts[IDS[1]], Attempt)
    assert dynamodb.calls == ["BatchExecuteStatement", "GetItem", "UpdateItem"][:fails_at]


def test_keys_that_are_left_are_asked_for_again() -> None:
    dynamodb = DynamoDB(leaves_keys=lambda: True)
    opt_outs = DynamoDBOptOuts(dynamodb.client, "messages")
    people = [a_person(f"{NUMBER}{number}") for number in range(9)]
    for person in people:
        opt_outs.record(person, OptRequest.OPT_OUT, AT)
    dynamodb.calls.clear()

    assert opt_outs.opted_out_among(people) == set(people)
    assert dynamodb.calls == ["BatchGetItem"] * 5


def test_but_not_for_ever() -> None:
    class Busy:
        calls = 0

        def batch_get_item(self, *, RequestItems: Any) -> dict[str, Any]:
            self.calls += 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    busy: Any = Busy()

    with pytest.raises(LeftOutError):
        list(read_items(busy, "messages", [{"id": {"S": IDS[0]}}]))
    assert busy.calls == 20
