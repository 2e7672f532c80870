"""What every message store promises of its list of open messages."""

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.errors import UnreadableItemError
from sms_bridge.services.interfaces import MessageStore
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable
from tests.builders import AT, EVER, a_message, a_receipt, plain
from tests.contract.conftest import dynamodb
from tests.fakes.aws import TABLE
from tests.fakes.logs import WrittenLog

EARLY, LATE = seconds_of("2026-11-24T09:00:00.000Z"), seconds_of("2026-11-24T10:00:00.000Z")


def an_id(number: int) -> str:
    """Return an id; the first digits spread them as those of real ids do."""
    return f"{number % 16:x}{number:07x}-0000-4000-8000-000000000000"


def fill(store: MessageStore, count: int) -> list[Message]:
    messages = [a_message(id=an_id(number)) for number in range(count)]
    for message in messages:
        store.create(message)
    return messages


def open_ids(store: MessageStore, until: float = EVER) -> list[str]:
    return sorted(message.id for message in store.open_messages(until=until))


def test_a_message_is_open_from_its_creation_until_moengage_has_heard(
    store: MessageStore,
) -> None:
    fill(store, 1)
    assert open_ids(store) == [an_id(0)]

    store.record_receipt(an_id(0), a_receipt("delivered"), Outcome(OutcomeStatus.DELIVERED))
    store.record_not_acknowledged(an_id(0), "reporter", AT)
    assert open_ids(store) == [an_id(0)]

    store.record_reported(an_id(0), Outcome(OutcomeStatus.DELIVERED), AT)
    assert open_ids(store) == []


def test_what_is_listed_is_the_message_as_it_is_now(store: MessageStore) -> None:
    fill(store, 3)
    store.record_receipt(an_id(1), a_receipt("sent"), None)

    listed = {message.id: message for message in store.open_messages(until=EVER)}

    assert plain(listed) == plain({an_id(number): store.get(an_id(number)) for number in range(3)})


def test_what_is_younger_is_not_listed(store: MessageStore) -> None:
    for number, accepted_at in enumerate((EARLY, AT, LATE)):
        store.create(a_message(id=an_id(number), accepted_at=accepted_at))

    assert open_ids(store, until=AT) == [an_id(0), an_id(1)]
    assert [one.id for one in store.open_messages(since=AT, until=AT)] == [an_id(1)]


def test_an_item_that_cannot_be_read_is_left_out_and_named(logged: WrittenLog) -> None:
    skipped: list[UnreadableItemError] = []
    with dynamodb() as client:
        store = DynamoDBMessages(MessagesTable(client, TABLE))
        fill(store, 3)
        client.update_item(
            TableName=TABLE,
            Key={"id": {"S": an_id(1)}},
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": "teleported"}},
        )

        listed = store.open_messages(until=EVER, on_unreadable=skipped.append)
        assert sorted(one.id for one in listed) == [an_id(0), an_id(2)]
        assert logged.lines == []
        assert open_ids(store) == [an_id(0), an_id(2)]
        with pytest.raises(UnreadableItemError):
            store.get(an_id(1))
    assert [one.item_id for one in skipped] == [an_id(1)]
    (line,) = logged.lines
    assert (line["message"], line["message_id"]) == ("item cannot be read", an_id(1))


def test_every_run_may_begin_at_another_shard() -> None:
    with dynamodb() as client:
        store = DynamoDBMessages(MessagesTable(client, TABLE))
        fill(store, 16)

        firsts = {next(store.open_messages(until=EVER)).id for _ in range(40)}

    assert len(firsts) > 1


def test_a_closed_message_is_open_no_more(store: MessageStore) -> None:
    fill(store, 2)

    for _ in range(2):
        store.close(an_id(0))

    assert open_ids(store) == [an_id(1)]


def test_an_outcome_that_was_given_up_is_open_no_more(store: MessageStore) -> None:
    fill(store, 2)

    store.record_given_up(an_id(0), "moengage_404", AT)

    assert open_ids(store) == [an_id(1)]


def test_a_message_that_the_bridge_never_accepted_is_not_open(store: MessageStore) -> None:
    store.record_receipt(an_id(0), a_receipt("delivered"), Outcome(OutcomeStatus.DELIVERED))
    store.record_given_up(an_id(1), "r", AT)

    assert open_ids(store) == []


def test_all_of_more_than_a_page_are_listed(store: MessageStore) -> None:
    messages = [a_message(id=f"a{number:07x}-0000-4000-8000-000000000000") for number in range(101)]
    for message in messages:
        store.create(message)

    assert open_ids(store) == [message.id for message in messages]


def test_what_dynamodb_leaves_unprocessed_is_asked_for_again(moto_table: DynamoDBMessages) -> None:
    fill(moto_table, 1)
    asked = []

    def leave_out(params: dict[str, object], **_: object) -> None:
        asked.append(params)

    def unprocessed(parsed: dict[str, dict[str, object]], **_: object) -> None:
        if len(asked) == 1:
            (table, answer), *_rest = parsed["Responses"].items()
            parsed["UnprocessedKeys"] = {table: {"Keys": [{"id": {"S": an_id(0)}}]}}
            parsed["Responses"] = {table: []}
            assert answer

    events = moto_table._table.client.meta.events
    events.register("provide-client-params.dynamodb.BatchGetItem", leave_out)
    events.register("after-call.dynamodb.BatchGetItem", unprocessed)

    assert open_ids(moto_table) == [an_id(0)]
    assert len(asked) == 2


def test_what_was_closed_while_the_index_lagged_behind_is_not_listed(
    moto_table: DynamoDBMessages,
) -> None:
    fill(moto_table, 3)

    def close(**_: object) -> None:
        moto_table.close(an_id(0))

    moto_table._table.client.meta.events.register("before-call.dynamodb.BatchGetItem", close)

    assert open_ids(moto_table) == [an_id(1), an_id(2)]
