"""What only the messages in DynamoDB have to keep: expiry, and as little as can be."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.attempt import SendResult
from sms_bridge.domain.duplicates import ClaimKey, claiming
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, Position, State
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.send import SendMessage
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable
from tests.builders import (
    ACCEPTED,
    AT,
    MESSAGE_ID,
    NUMBER,
    REFUSED,
    a_message,
    a_receipt,
    a_receipt_callback,
    a_request,
    an_inbound,
    plain,
)
from tests.fakes.aws import TABLE, a_messages_table
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.failures import Interruption
from tests.services import a_service

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THIRTY_DAYS_LATER = str(int(AT) + 30 * 86_400)
TEXT = "Distinctive-Text-4711"
DELIVERED = Outcome(OutcomeStatus.DELIVERED)
FAILED = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered")

pytestmark = pytest.mark.usefixtures("aws")


class Stored:
    """A store, and the one item in its table."""

    def __init__(self) -> None:
        self.client = a_messages_table()
        self.store = DynamoDBMessages(MessagesTable(self.client, TABLE), retention_days=30)

    @property
    def item(self) -> dict[str, Any]:
        (item,) = self.client.scan(TableName=TABLE)["Items"]
        return item


def test_a_message_expires_when_its_time_is_over_and_what_comes_later_changes_nothing() -> None:
    stored = Stored()
    stored.store.create(a_message(attempt=1))
    assert stored.item["expires_at"]["N"] == THIRTY_DAYS_LATER

    a_year_later = AT + 365 * 86_400
    stored.store.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, a_year_later)
    stored.store.record_receipt(MESSAGE_ID, a_receipt("sent", received_at=a_year_later), None)
    stored.store.record_reported(MESSAGE_ID, DELIVERED, a_year_later)

    assert stored.item["expires_at"]["N"] == THIRTY_DAYS_LATER


def test_a_scheduled_message_is_kept_for_as_long_from_its_time_on() -> None:
    stored = Stored()

    stored.store.create(a_message(scheduled_at=AT + 5 * 86_400))

    assert int(stored.item["expires_at"]["N"]) == int(THIRTY_DAYS_LATER) + 5 * 86_400


class _TiesTheOtherWayRound:
    """A client of DynamoDB's, which promises no order of what an index holds at the same time."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self._client: Any = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **asked: Any) -> Any:
        answer = self._client.query(**asked)
        answer["Items"].reverse()
        answer["Items"].sort(key=lambda item: item["accepted_at"]["S"], reverse=True)
        return answer


def test_pages_leave_out_none_of_the_messages_that_were_accepted_at_the_same_time() -> None:
    client: Any = _TiesTheOtherWayRound(a_messages_table())
    store = DynamoDBMessages(MessagesTable(client, TABLE))
    messages = [
        a_message(
            id=f"{number % 2}{MESSAGE_ID[1:-2]}{number:02}",
            accepted_at=AT + number // 12,
            campaign_id="summer",
        )
        for number in range(24)
    ]
    for message in messages:
        store.create(message)

    seen, before = list[str](), None
    while page := list(islice(store.newest_first(campaign_id="summer", before=before), 5)):
        seen += [message.id for message in page]
        before = Position.of(page[-1])

    assert seen == [one.id for one in sorted(messages, key=Position.of, reverse=True)]


def test_a_receipt_that_comes_first_expires_as_well() -> None:
    stored = Stored()

    stored.store.record_receipt(MESSAGE_ID, a_receipt("sent"), None)

    assert "expires_at" in stored.item


@pytest.mark.parametrize("result", [ACCEPTED, REFUSED])
def test_the_table_never_holds_the_text(result: SendResult) -> None:
    stored, clock = Stored(), TurnableClock()
    send = a_service(
        SendMessage,
        duplicate_window_seconds=0,
        messages=stored.store,
        sender=FakeEightX8(result),
        clock=clock,
    )
    receive = a_service(ReceiveCallback, messages=stored.store, clock=clock)

    request = a_request(text=TEXT)
    message_id = send(request, hash_key="k", answer_time=AnswerTime(3.0, clock)).id
    receipt = a_receipt_callback("delivered", clientMessageId=message_id)
    (event,) = read_callback(json.dumps(receipt), clock.now)
    receive(event, hash_key="k")

    assert TEXT not in str(stored.item)
    assert NUMBER in str(stored.item)
    assert stored.item["state"] == {"S": State.DELIVERED}


def test_the_closing_record_holds_nothing_of_the_message_that_put_it_there() -> None:
    stored = Stored()

    closing = next(claiming(a_message(), ClaimKey("a key", 120), now=100 * 3840.0))

    assert isinstance(closing, Message)
    assert closing.closes_window
    stored.store.create(closing)
    assert "open_shard" not in stored.item
    assert NUMBER.strip("+") not in str(stored.item)


def test_promise_5_an_outcome_that_is_reported_meanwhile_stays_as_it_was_reported() -> None:
    stored = Stored()
    stored.store.create(a_message())
    stored.store.record_receipt(MESSAGE_ID, a_receipt("undelivered"), FAILED)
    # After the first write, which was refused, and before the one that changes the outcome.
    meanwhile = Interruption(1, lambda: stored.store.record_reported(MESSAGE_ID, FAILED, AT))
    interrupted: Any = meanwhile.watched(stored.client)
    store = DynamoDBMessages(MessagesTable(interrupted, TABLE))

    store.record_receipt(MESSAGE_ID, a_receipt("delivered", received_at=AT + 1), DELIVERED)

    message = stored.store.get(MESSAGE_ID)
    assert message is not None
    assert plain((message.state, message.outcome)) == plain((State.DELIVERED, FAILED))


def test_what_was_reported_is_written_by_the_client_that_tries_longest() -> None:
    """Promise 5: should this write fail, MoEngage would hear the outcome twice."""
    client = a_messages_table()
    usual = DynamoDBMessages(MessagesTable(client, TABLE))
    usual.create(a_message())
    usual.record_outcome(MESSAGE_ID, DELIVERED, AT)
    inbound_id = usual.keep_inbound(an_inbound())
    # Whoever asks it for a call fails.
    not_asked: Any = object()

    patient = MessagesTable(client, TABLE)
    store = DynamoDBMessages(MessagesTable(not_asked, TABLE), patient=patient)
    store.record_reported(MESSAGE_ID, DELIVERED, AT)
    store.record_inbound_reported(inbound_id, AT)

    assert getattr(usual.get(MESSAGE_ID), "outcome_reported_at", 0.0) == AT
    assert getattr(usual.get_inbound(inbound_id), "reported_at", 0.0) == AT
