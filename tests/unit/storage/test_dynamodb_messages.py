"""What only the messages in DynamoDB have to keep: expiry, contention, and as little as can be."""

import itertools
import json
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from sms_bridge.rules.duplicates import ClaimKey
from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.send_results import SendResult
from sms_bridge.steps.answer_time import AnswerTime
from sms_bridge.steps.receive import ReceiveCallback
from sms_bridge.steps.send import SendMessage
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.messages import Claim
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
)
from tests.fakes.aws import REGION, TABLE, a_messages_table
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.queues import InMemoryOutcomes

NOW = 1_795_000_000.0
KEY = ClaimKey("key", 120)
A_DAY = 86_400


@pytest.mark.usefixtures("aws")
class TestExpiry:
    def test_every_item_expires_when_its_time_is_over(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE, retention_days=30)

        store.claim(a_message(), KEY, NOW)

        items = client.scan(TableName=TABLE)["Items"]
        assert {item["expires_at"]["N"] for item in items} == {str(int(NOW) + 30 * A_DAY)}
        assert {item["id"]["S"] for item in items} == {MESSAGE_ID, "claim key"}

    def test_what_comes_later_does_not_keep_a_message_longer(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE, retention_days=30)
        store.claim(a_message(), None, NOW)

        store.record_result(MESSAGE_ID, ACCEPTED, "2027-11-24T09:30:00.000Z")
        store.record_receipt(MESSAGE_ID, a_receipt("sent", received_at=AT), None)
        store.record_told(MESSAGE_ID, AT)

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert item["expires_at"]["N"] == str(int(NOW) + 30 * A_DAY)

    def test_a_receipt_that_comes_first_expires_as_well(self) -> None:
        client = a_messages_table()
        store = DynamoDBMessages(client, TABLE)

        store.record_receipt(MESSAGE_ID, a_receipt("sent"), None)

        (item,) = client.scan(TableName=TABLE)["Items"]
        assert "expires_at" in item


class TestContention:
    """Simultaneous transactions cancel each other. moto never does that, so AWS's answers are."""

    def claim(self, *cancellations: tuple[str, dict[str, Any]]) -> tuple[Claim, list[float]]:
        client = boto3.client(
            "dynamodb", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b"
        )
        pauses: list[float] = []
        store = DynamoDBMessages(client, TABLE, sleep=pauses.append)
        with Stubber(client) as stubber:
            for code, item in cancellations:
                reason = {"Code": code, "Item": item} if item else {"Code": code}
                stubber.add_client_error(
                    "transact_write_items",
                    "TransactionCanceledException",
                    modeled_fields={"CancellationReasons": [reason, {"Code": "None"}]},
                )
            stubber.add_response("transact_write_items", {}, {"TransactItems": ANY})
            return store.claim(a_message(), KEY, NOW), pauses

    def test_a_claim_that_met_another_is_tried_again(self) -> None:
        claim, pauses = self.claim(("TransactionConflict", {}), ("TransactionConflict", {}))

        assert claim == Claim(won=True, message_id=MESSAGE_ID)
        assert len(pauses) == 2
        assert all(0 <= pause <= 0.05 for pause in pauses)

    def test_a_claim_that_was_lost_meanwhile_is_lost(self) -> None:
        winner = {"message_id": {"S": "the winner"}}

        claim, _ = self.claim(("TransactionConflict", {}), ("ConditionalCheckFailed", winner))

        assert claim == Claim(won=False, message_id="the winner")

    def test_a_claim_of_which_only_the_answer_was_lost_is_won(self) -> None:
        own = {"message_id": {"S": MESSAGE_ID}}

        claim, _ = self.claim(("TransactionConflict", {}), ("ConditionalCheckFailed", own))

        assert claim == Claim(won=True, message_id=MESSAGE_ID)

    def test_a_claim_that_never_gets_through_is_given_up(self) -> None:
        with pytest.raises(Exception, match="TransactionCanceledException"):
            self.claim(*itertools.repeat(("TransactionConflict", {}), 6))


@pytest.mark.usefixtures("aws")
class TestLeastData:
    TEXT = "Distinctive-Text-4711"

    @pytest.mark.parametrize("result", [ACCEPTED, REFUSED])
    def test_the_table_never_holds_the_text_and_the_number_only_in_the_message(
        self, result: SendResult
    ) -> None:
        client = a_messages_table()
        store, outcomes, clock = (
            DynamoDBMessages(client, TABLE),
            InMemoryOutcomes(),
            TurnableClock(),
        )
        send = SendMessage(
            messages=store,
            outcomes=outcomes,
            sender=FakeEightX8(result),
            duplicate_window=120,
            clock=clock,
            new_id=lambda: MESSAGE_ID,
        )
        receive = ReceiveCallback(messages=store, outcomes=outcomes, clock=clock)

        send(a_request(text=self.TEXT), hash_key="k", answer_time=AnswerTime(3.0, clock))
        receive(json.dumps(a_receipt_callback("delivered")), hash_key="k")

        items = {item["id"]["S"]: str(item) for item in client.scan(TableName=TABLE)["Items"]}
        assert len(items) == 2
        assert self.TEXT not in str(items)
        assert [NUMBER.strip("+") in item for item in items.values()].count(True) == 1
        assert NUMBER in items[MESSAGE_ID]
        message = store.get(MESSAGE_ID)
        assert message is not None
        assert message.state is State.DELIVERED
