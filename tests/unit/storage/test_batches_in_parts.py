"""Batches that DynamoDB works off in part: what is left counts for itself."""

import traceback
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sms_bridge.domain.attempt import Effect
from sms_bridge.domain.message import State
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.errors import BridgeError, UnreadableItemError
from sms_bridge.storage.aws import error_code
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.table import MessagesTable
from tests.builders import AT, NUMBER, a_message, a_person, plain
from tests.fakes.aws import TABLE, a_messages_table

IDS = [f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]
NEW_IDS = [one.replace("0a", "1a", 1) for one in IDS]
# Of which one repeats a message that is there.
NEW = [a_message(id=one, claimed_by="request-2") for one in (*NEW_IDS[:28], IDS[0], NEW_IDS[28])]

pytestmark = pytest.mark.usefixtures("aws")


class Watched:
    """A client of a table of waiting messages; notes each call and lets some fail.

    Attributes
    ----------
    fails_at, failure
        Which call fails, counted from 1, and what it raises.
    throttles
        Which statement of the next batch is throttled, counted from 0.
    keys_at_once
        How many of a batch of keys are read, the others are left for another call.
    keys_read
        How many items were asked for in batches.
    """

    def __init__(self) -> None:
        self.client = a_messages_table()
        self.fails_at, self.throttles, self.keys_at_once, self.keys_read = 0, -1, 100, 0
        self.failure: Exception = TimeoutError()
        self.calls: list[str] = []
        this: Any = self
        table = MessagesTable(this, TABLE)
        self.store, self.opt_outs = DynamoDBMessages(table), DynamoDBOptOuts(table)
        waiting = {"state": State.WAITING, "attempt": 0, "attempt_at": 0.0}
        self.store.create_all([a_message(id=one, **waiting) for one in IDS])
        self.calls.clear()

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) == self.fails_at:
                raise self.failure
            own = getattr(self, f"_{name}", None) if name.startswith("batch_") else None
            return (own or getattr(self.client, name))(**parameters)

        return call

    def _batch_execute_statement(self, *, Statements: list[Any]) -> Any:
        at, self.throttles = self.throttles, -1
        if at < 0:
            return self.client.batch_execute_statement(Statements=Statements)
        done = Statements[:at] + Statements[at + 1 :]
        answer: Any = self.client.batch_execute_statement(Statements=done)
        answer["Responses"].insert(at, {"Error": {"Code": "ThrottlingError"}})
        return answer

    def _batch_get_item(self, *, RequestItems: Any) -> Any:
        keys = RequestItems[TABLE]["Keys"]
        self.keys_read += len(keys)
        now, later = keys[: self.keys_at_once], keys[self.keys_at_once :]
        answer: Any = {"Responses": {}, "UnprocessedKeys": {}}
        if now:
            some: Any = {TABLE: {**RequestItems[TABLE], "Keys": now}}
            answer = self.client.batch_get_item(RequestItems=some)
        if later:
            answer["UnprocessedKeys"] = {TABLE: {"Keys": later}}
        return answer

    def spoil(self, name: str) -> None:
        """Let an attribute of the first message be a number."""
        self.client.update_item(
            TableName=TABLE,
            Key={"id": {"S": IDS[0]}},
            UpdateExpression=f"SET {name} = :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )


Work = Callable[[Watched], list[Any]]


def begin(dynamodb: Watched) -> list[Any]:
    return list(dynamodb.store.begin_first_attempts(IDS, AT).values())


def create(dynamodb: Watched) -> list[Any]:
    return dynamodb.store.create_all(NEW)


def failed(answers: Iterable[Any]) -> list[int]:
    return [number for number, one in enumerate(answers) if isinstance(one, Exception)]


def test_a_batch_takes_as_many_calls_as_it_has_to_and_none_for_those_that_are_refused() -> None:
    dynamodb = Watched()

    begin(dynamodb)
    again = begin(dynamodb)

    assert dynamodb.calls == ["batch_execute_statement"] * 4
    known = [(one.effect, one.message.state, one.message.attempt) for one in again]
    assert known == [(Effect.LATE, State.SENDING, 1)] * 30


def test_new_messages_take_as_many_calls_as_they_have_to_and_a_read_of_those_that_are_taken() -> (
    None
):
    dynamodb = Watched()

    answers = create(dynamodb)

    assert dynamodb.calls == ["batch_execute_statement"] * 2 + ["batch_get_item"]
    assert plain(answers) == plain([*[None] * 28, dynamodb.store.get(IDS[0]), None])


@pytest.mark.parametrize("work", [begin, create])
def test_a_statement_that_is_throttled_is_the_failure_of_one_message(work: Work) -> None:
    dynamodb = Watched()
    dynamodb.throttles = 1

    answers = work(dynamodb)

    assert failed(answers) == [1]
    assert error_code(answers[1]) == "ThrottlingError"
    assert answers[1].response["ResponseMetadata"]["RequestId"]
    ids = IDS if work is begin else NEW_IDS
    done, left = dynamodb.store.get(ids[0]), dynamodb.store.get(ids[1])
    assert done is not None
    assert done.state is State.SENDING
    assert left is None or left.state is State.WAITING


@pytest.mark.parametrize(
    ("work", "fails_at", "messages"),
    [
        (begin, 1, range(25)),
        (begin, 2, range(25, 30)),
        (create, 1, range(25)),
        (create, 2, range(25, 30)),
        # The read of the one that is taken.
        (create, 3, [28]),
    ],
)
def test_a_call_that_fails_is_the_failure_of_its_messages(
    work: Work, fails_at: int, messages: Iterable[int]
) -> None:
    dynamodb = Watched()
    dynamodb.fails_at = fails_at

    answers = work(dynamodb)

    assert (failed(answers), len(answers)) == ([*messages], 30)
    assert {answers[number] for number in messages} == {dynamodb.failure}


@pytest.mark.parametrize("error", [TimeoutError(), ClientError({}, "BatchExecuteStatement")])
def test_the_failure_of_many_messages_names_each_place_that_it_went_through_once(
    error: Exception,
) -> None:
    """A log line of each message tells them."""
    dynamodb = Watched()
    dynamodb.fails_at, dynamodb.failure = 1, error

    begin(dynamodb)

    places = [(one.filename, one.lineno) for one in traceback.extract_tb(error.__traceback__)]
    assert len(places) == len(set(places))


def test_one_whose_next_attempt_cannot_be_begun_is_a_failure() -> None:
    """The first batch shows that the message was tried before."""
    dynamodb = Watched()
    dynamodb.spoil("attempt")
    dynamodb.fails_at = 2

    assert failed(begin(dynamodb)) == [0]
    assert dynamodb.calls[:2] == ["batch_execute_statement", "update_item"]


def test_an_item_that_cannot_be_read_is_the_failure_of_its_message() -> None:
    dynamodb = Watched()
    dynamodb.spoil("send_before")

    assert [type(one) for one in create(dynamodb) if one] == [UnreadableItemError]


def test_who_looks_for_the_newest_messages_reads_few_of_them() -> None:
    dynamodb = Watched()
    for second, one in enumerate(NEW_IDS):
        dynamodb.store.create(a_message(id=one, recipient_hash="h", accepted_at=AT + second))

    read = [(one.id, dynamodb.keys_read) for one in dynamodb.store.newest_first(recipient_hash="h")]

    assert [one for one, _ in read] == NEW_IDS[::-1]
    assert [keys for _, keys in read] == [5] * 4 + [25] * 20 + [30] * 6


def test_a_list_of_which_dynamodb_gives_a_part_is_read_to_its_end() -> None:
    dynamodb = Watched()
    query = dynamodb.client.query
    dynamodb.client.query = lambda **asked: query(**asked, Limit=7)  # type: ignore[method-assign]

    listed = [one.id for one in dynamodb.store.open_messages(until=AT + 1)]

    assert sorted(listed) == IDS
    assert dynamodb.calls.count("query") == 15 + 5


@pytest.mark.parametrize(("keys_at_once", "calls"), [(7, 2), (0, 20)])
def test_keys_that_are_left_are_asked_for_again_but_not_for_ever(
    keys_at_once: int, calls: int
) -> None:
    dynamodb = Watched()
    people = [a_person(f"{NUMBER}{number}") for number in range(9)]
    for person in people:
        dynamodb.opt_outs.record(person, OptRequest.OPT_OUT, AT)
    dynamodb.calls.clear()
    dynamodb.keys_at_once = keys_at_once

    if keys_at_once:
        assert dynamodb.opt_outs.opted_out_among(people) == set(people)
    else:
        with pytest.raises(BridgeError, match="leaves keys out"):
            dynamodb.opt_outs.opted_out_among(people)
    assert dynamodb.calls == ["batch_get_item"] * calls
