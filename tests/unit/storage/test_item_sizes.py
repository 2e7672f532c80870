"""How large a message's item gets over its life: DynamoDB charges for each kilobyte of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from bench.dynamodb import size_of
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.outcome import outcome_of_receipt
from sms_bridge.domain.state import State
from sms_bridge.storage.messages import DynamoDBMessages
from tests.builders import ACCEPTED, AT, MESSAGE_ID, a_message, a_receipt
from tests.fakes.aws import TABLE, a_messages_table

ONE_WRITE_UNIT = 1024


# As MoEngage, 8x8 and India's DLT registry give them out.
USUAL: dict[str, Any] = {
    "message_type": MessageType.PROMOTIONAL,
    "claimed_by": "0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
    "sub_account_id": "Acme_Promotional",
    "destination": "+919876543210",
    "recipient_hash": "e830099a021a03ed",
    "source": "ACMESHOP",
    "campaign_id": "6721f0c2a9b3d4e5f6a7b8c9",
    "dlt_template_id": "1107161234567890123",
}
# The longest that the bridge takes of each, or that 8x8 and MoEngage were seen to send.
LONG: dict[str, Any] = {
    **USUAL,
    "sub_account_id": "A" * 50,
    "destination": "+123456789012345",
    "source": "1234567890123456",
    "client_message_id": "c" * 50,
    "campaign_id": "6721f0c2a9b3d4e5f6a7b8c9_F_T_SM_AB_0_P_0_AU_xyz",
    "encoding": "UCS2",
    "segments": 10,
}
PAID: dict[str, Any] = {"price": "0.0375", "currency": "SGD", "segments": 1}
SENT = a_receipt("sent", detail="delivered_to_operator", **PAID)
DELIVERED = a_receipt("delivered", detail="delivered_to_recipient", **PAID)
READ = a_receipt("read", detail="read_by_recipient", **PAID)
ABSENT = a_receipt(
    "undelivered",
    detail="undelivered_to_recipient",
    error_code="1",
    error_message="Absent subscriber",
    **PAID,
)
DEFERRED = a_receipt(
    "undelivered",
    detail="undelivered_to_recipient",
    error_code="22",
    error_message="Message is being retried",
    **PAID,
)


def sizes(message: Message, *receipts: Receipt, recorded: bool = False) -> Iterator[int]:
    """Let a message live, and return the bytes of its item after each write."""
    client = a_messages_table()
    store = DynamoDBMessages(client, TABLE)

    def size() -> int:
        (item,) = client.scan(TableName=TABLE)["Items"]
        return size_of(item)

    store.create(message)
    yield size()
    if recorded:
        store.begin_attempt(MESSAGE_ID, seconds_of("2026-11-24T09:30:01.000Z"))
        yield size()
        store.record_result(
            MESSAGE_ID, 1, ACCEPTED, State.QUEUED, seconds_of("2026-11-24T09:30:02.000Z")
        )
        yield size()
    for receipt in receipts:
        store.record_receipt(MESSAGE_ID, receipt, outcome_of_receipt(receipt))
        yield size()
    store.record_reported(MESSAGE_ID, Outcome(OutcomeStatus.DELIVERED), AT)
    yield size()


@pytest.mark.usefixtures("aws")
class TestOneWriteUnit:
    @pytest.mark.parametrize("last", [DELIVERED, ABSENT], ids=["delivered", "failed"])
    def test_a_usual_message_takes_one_for_each_write(self, last: Receipt) -> None:
        assert max(sizes(a_message(**USUAL), SENT, last)) <= ONE_WRITE_UNIT

    def test_so_does_one_that_went_through_the_send_queue_and_was_delivered(self) -> None:
        waiting = a_message(**USUAL, state=State.WAITING, attempt=0, attempt_at=0.0)

        assert max(sizes(waiting, SENT, DELIVERED, recorded=True)) <= ONE_WRITE_UNIT

    def test_one_more_receipt_takes_a_second_one_for_the_last_two(self) -> None:
        *before, last_receipt, reported = sizes(a_message(**USUAL), SENT, DELIVERED, READ)

        assert max(before) <= ONE_WRITE_UNIT
        assert ONE_WRITE_UNIT < last_receipt <= reported <= 1.2 * ONE_WRITE_UNIT

    def test_so_do_a_failure_and_an_answer_that_is_written(self) -> None:
        waiting = a_message(**USUAL, state=State.WAITING, attempt=0, attempt_at=0.0)
        *before, last_receipt, reported = sizes(waiting, SENT, ABSENT, recorded=True)

        assert max(before) <= ONE_WRITE_UNIT
        assert ONE_WRITE_UNIT < last_receipt <= reported <= 1.2 * ONE_WRITE_UNIT

    def test_long_names_and_many_receipts_take_a_second_one(self) -> None:
        *before, reported = sizes(a_message(**LONG), SENT, DEFERRED, ABSENT)

        assert before[0] <= ONE_WRITE_UNIT
        assert ONE_WRITE_UNIT < reported <= 2 * ONE_WRITE_UNIT
