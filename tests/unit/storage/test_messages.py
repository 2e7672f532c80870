"""What only the messages in DynamoDB have to keep: expiry, and as little as can be."""

import json
from typing import Any

import pytest

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.duplicates import closing_record
from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.send import SendMessage
from sms_bridge.storage.messages import DynamoDBMessages
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
)
from tests.fakes.aws import TABLE, a_messages_table
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.services import a_service

A_DAY = 86_400
AN_INBOUND = an_inbound()
THIRTY_DAYS_LATER = str(int(AT) + 30 * A_DAY)


@pytest.mark.usefixtures("aws")
class TestExpiry:
    def test_a_message_expires_when_its_time_is_over(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE, retention_days=30)

        store.create(a_message())

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert item["expires_at"]["N"] == THIRTY_DAYS_LATER

    def test_what_comes_later_does_not_keep_a_message_longer(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE, retention_days=30)
        store.create(a_message(attempt=1))

        store.record_result(
            MESSAGE_ID, 1, ACCEPTED, State.QUEUED, seconds_of("2027-11-24T09:30:00.000Z")
        )
        store.record_receipt(MESSAGE_ID, a_receipt("sent", received_at=AT), None)
        store.record_reported(MESSAGE_ID, Outcome(OutcomeStatus.DELIVERED), AT)

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert item["expires_at"]["N"] == THIRTY_DAYS_LATER

    def test_a_receipt_that_comes_first_expires_as_well(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE)

        store.record_receipt(MESSAGE_ID, a_receipt("sent"), None)

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert "expires_at" in item


@pytest.mark.usefixtures("aws")
class TestLeastData:
    TEXT = "Distinctive-Text-4711"

    @pytest.mark.parametrize("result", [ACCEPTED, REFUSED])
    def test_the_table_never_holds_the_text(self, result: SendResult) -> None:
        client = a_messages_table()
        store, clock = DynamoDBMessages(client, TABLE), TurnableClock()
        send = a_service(
            SendMessage,
            duplicate_window=0,
            messages=store,
            sender=FakeEightX8(result),
            clock=clock,
        )
        receive = a_service(ReceiveCallback, messages=store, clock=clock)

        request = a_request(text=self.TEXT)
        message_id = send(request, hash_key="k", answer_time=AnswerTime(3.0, clock)).id
        receipt = a_receipt_callback("delivered", clientMessageId=message_id)
        (event,) = read_callback(json.dumps(receipt), clock.now)
        receive(event, hash_key="k")

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert self.TEXT not in str(item)
        assert NUMBER in str(item)
        message = store.get(message_id)
        assert message is not None
        assert message.state is State.DELIVERED

    def test_the_closing_record_holds_nothing_of_the_message_that_put_it_there(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE)

        store.create(closing_record(a_message(), "an id"))

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert "open_shard" not in item
        assert NUMBER.strip("+") not in str(item)


@pytest.mark.usefixtures("aws")
def test_what_was_reported_is_written_by_the_client_that_tries_longest() -> None:
    """Promise 5: should this write fail, MoEngage would hear the outcome twice."""

    class Throttled:
        """A client that is not asked."""

        def update_item(self, **_: object) -> None:
            raise AssertionError

    client = a_messages_table()
    usual = DynamoDBMessages(client, TABLE)
    usual.create(a_message())
    usual.record_outcome(MESSAGE_ID, Outcome(OutcomeStatus.DELIVERED), AT)
    inbound_id = usual.keep_inbound(AN_INBOUND)
    throttled: Any = Throttled()

    store = DynamoDBMessages(throttled, TABLE, patient=client)
    store.record_reported(MESSAGE_ID, Outcome(OutcomeStatus.DELIVERED), AT)
    store.record_inbound_reported(inbound_id, AT)

    message, inbound = usual.get(MESSAGE_ID), usual.get_inbound(inbound_id)
    assert message is not None
    assert inbound is not None
    assert message.outcome_reported_at == inbound.reported_at == AT
