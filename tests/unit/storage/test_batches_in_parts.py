"""Batches that DynamoDB works off in part: what is left counts for itself."""

import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.recorded import Attempt
from sms_bridge.domain.state import State
from sms_bridge.errors import UnreadableItemError
from sms_bridge.storage.aws import error_code
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.table import KeysLeftOutError, MessagesTable
from tests.builders import AT, NUMBER, a_message, a_person, plain
from tests.fakes.aws import TABLE, a_messages_table

IDS = [f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]

pytestmark = pytest.mark.usefixtures("aws")


class Watched:
    """A client of a table of waiting messages; notes each call and lets some fail.

    Attributes
    ----------
    fails_at
        Which call fails, counted from 1.
    failure
        What it raises.
    throttles
        Which statement of each batch is throttled, counted from 0.
    leaves_keys
        Whether a batch of keys is read but for the last two.
    keys_read
        How many items were asked for in batches.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails_at = 0
        self.failure: Exception = TimeoutError()
        self.throttles = -1
        self.leaves_keys = False
        self.keys_read = 0
        self.client = a_messages_table()
        this: Any = self
        self.store = DynamoDBMessages(this, TABLE)
        self.opt_outs = DynamoDBOptOuts(this, TABLE)
        for message_id in IDS:
            self.store.create(
                a_message(id=message_id, state=State.WAITING, attempt=0, attempt_at=0.0)
            )
        self.calls.clear()

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) == self.fails_at:
                raise self.failure
            own = {
                "batch_execute_statement": self._batch_execute_statement,
                "batch_get_item": self._batch_get_item,
            }
            return own.get(name, getattr(self.client, name))(**parameters)

        return call

    def _batch_execute_statement(self, *, Statements: list[dict[str, Any]]) -> Any:
        if self.throttles < 0:
            return self.client.batch_execute_statement(Statements=Statements)  # type: ignore[arg-type]
        done: Any = [one for n, one in enumerate(Statements) if n != self.throttles]
        answer: Any = self.client.batch_execute_statement(Statements=done)
        answer["Responses"].insert(self.throttles, {"Error": {"Code": "ThrottlingError"}})
        self.throttles = -1
        return answer

    def _batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:
        keys = RequestItems[TABLE]["Keys"]
        self.keys_read += len(keys)
        if not self.leaves_keys or len(keys) < 3:
            return self.client.batch_get_item(RequestItems=RequestItems)
        some: Any = {TABLE: {**RequestItems[TABLE], "Keys": keys[:-2]}}
        answer: Any = self.client.batch_get_item(RequestItems=some)
        answer["UnprocessedKeys"] = {TABLE: {"Keys": keys[-2:]}}
        return answer

    def states(self) -> Iterator[State]:
        for message_id in IDS:
            message = self.store.get(message_id)
            assert message is not None
            yield message.state


def test_a_batch_takes_as_many_calls_as_it_has_to() -> None:
    dynamodb = Watched()

    dynamodb.store.begin_first_attempts(IDS, AT)

    assert dynamodb.calls == ["batch_execute_statement"] * 2


def test_those_that_are_refused_are_known_without_another_call() -> None:
    dynamodb = Watched()
    dynamodb.store.begin_first_attempts(IDS[:5], AT)
    dynamodb.calls.clear()

    attempts = dynamodb.store.begin_first_attempts(IDS[:5], AT)

    assert dynamodb.calls == ["batch_execute_statement"]
    sending = Attempt(begun=False, state=State.SENDING, number=1)
    assert plain(attempts) == plain(dict.fromkeys(IDS[:5], sending))


def test_a_statement_that_is_throttled_is_the_failure_of_one_message() -> None:
    dynamodb = Watched()
    dynamodb.throttles = 1

    attempts = dynamodb.store.begin_first_attempts(IDS, AT)

    failure = attempts.pop(IDS[1])
    assert isinstance(failure, ClientError)
    assert error_code(failure) == "ThrottlingError"
    assert all(isinstance(one, Attempt) and one.begun for one in attempts.values())
    assert list(dynamodb.states()) == [State.SENDING, State.WAITING] + [State.SENDING] * 28


@pytest.mark.parametrize(("fails_at", "failed"), [(1, IDS[:25]), (2, IDS[25:])])
def test_a_call_that_fails_is_the_failure_of_its_messages(fails_at: int, failed: list[str]) -> None:
    dynamodb = Watched()
    dynamodb.fails_at = fails_at

    attempts = dynamodb.store.begin_first_attempts(IDS, AT)

    assert [one for one in IDS if isinstance(attempts[one], TimeoutError)] == failed
    assert list(attempts) == IDS


@pytest.mark.parametrize("error", [TimeoutError(), ClientError({}, "BatchExecuteStatement")])
def test_the_failure_of_many_messages_names_each_place_that_it_went_through_once(
    error: Exception,
) -> None:
    """A log line of each message tells them."""
    dynamodb = Watched()
    dynamodb.fails_at, dynamodb.failure = 1, error

    dynamodb.store.begin_first_attempts(IDS[:25], AT)

    places = [(one.filename, one.lineno) for one in traceback.extract_tb(error.__traceback__)]
    assert len(places) == len(set(places))


def test_who_looks_for_the_newest_messages_reads_few_of_them() -> None:
    dynamodb = Watched()
    for second, one in enumerate(NEW_IDS):
        dynamodb.store.create(a_message(id=one, recipient_hash="h", accepted_at=AT + second))

    read = [(one.id, dynamodb.keys_read) for one in dynamodb.store.messages_to("h")]

    assert [one for one, _ in read] == NEW_IDS[::-1]
    assert [keys for _, keys in read] == [5] * 5 + [25] * 20 + [30] * 5


def test_one_whose_next_attempt_cannot_be_begun_is_a_failure() -> None:
    """The batch is the first call; it shows that the message was tried before."""
    dynamodb = Watched()
    dynamodb.client.update_item(
        TableName=TABLE,
        Key={"id": {"S": IDS[0]}},
        UpdateExpression="SET attempt = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    dynamodb.fails_at = 2

    attempts = dynamodb.store.begin_first_attempts(IDS[:2], AT)

    assert isinstance(attempts[IDS[0]], TimeoutError)
    assert isinstance(attempts[IDS[1]], Attempt)
    assert dynamodb.calls == ["batch_execute_statement", "update_item"]


def test_keys_that_are_left_are_asked_for_again() -> None:
    dynamodb = Watched()
    people = [a_person(f"{NUMBER}{number}") for number in range(9)]
    for person in people:
        dynamodb.opt_outs.record(person, OptRequest.OPT_OUT, AT)
    dynamodb.calls.clear()
    dynamodb.leaves_keys = True

    assert dynamodb.opt_outs.opted_out_among(people) == set(people)
    assert dynamodb.calls == ["batch_get_item"] * 2


def test_but_not_for_ever() -> None:
    class Busy:
        calls = 0

        def batch_get_item(self, *, RequestItems: Any) -> dict[str, Any]:
            self.calls += 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    busy: Any = Busy()

    with pytest.raises(KeysLeftOutError):
        list(MessagesTable(busy, TABLE).read([IDS[0]]))
    assert busy.calls == 20


NEW_IDS = [f"1a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]


class TestCreatingMany:
    """Thirty new messages, of which one repeats a message that is there."""

    MESSAGES = tuple(
        a_message(id=one, claimed_by="request-2") for one in (*NEW_IDS[:28], IDS[0], NEW_IDS[28])
    )

    def test_it_takes_as_many_calls_as_it_has_to_and_a_read_of_those_that_are_taken(self) -> None:
        dynamodb = Watched()

        answers = dynamodb.store.create_all(self.MESSAGES)

        assert dynamodb.calls == ["batch_execute_statement"] * 2 + ["batch_get_item"]
        assert plain(answers) == plain([*[None] * 28, dynamodb.store.get(IDS[0]), None])

    def test_a_statement_that_is_throttled_is_the_failure_of_one_message(self) -> None:
        dynamodb = Watched()
        dynamodb.throttles = 1

        answers = dynamodb.store.create_all(self.MESSAGES)

        failure = answers[1]
        assert isinstance(failure, ClientError)
        assert error_code(failure) == "ThrottlingError"
        assert [one for one in (*answers[:1], *answers[2:28]) if one] == []
        assert dynamodb.store.get(NEW_IDS[1]) is None

    @pytest.mark.parametrize(
        ("fails_at", "failed"),
        [(1, range(25)), (2, range(25, 30)), (3, [28])],
        ids=["the first call", "the second call", "the read"],
    )
    def test_a_call_that_fails_is_the_failure_of_its_messages(
        self, fails_at: int, failed: Sequence[int]
    ) -> None:
        dynamodb = Watched()
        dynamodb.fails_at = fails_at

        answers = dynamodb.store.create_all(self.MESSAGES)

        assert [n for n, one in enumerate(answers) if isinstance(one, TimeoutError)] == [*failed]
        assert len(answers) == 30

    def test_an_item_that_cannot_be_read_is_the_failure_of_its_message(self) -> None:
        dynamodb = Watched()
        dynamodb.client.update_item(
            TableName=TABLE,
            Key={"id": {"S": IDS[0]}},
            UpdateExpression="SET claimed_by = :what",
            ExpressionAttributeValues={":what": {"N": "2"}},
        )

        answers = dynamodb.store.create_all(self.MESSAGES)

        assert [type(one) for one in answers if one] == [UnreadableItemError]
