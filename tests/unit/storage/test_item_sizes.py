"""How large a message's item gets over its life: DynamoDB charges for each kilobyte of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import ceil
from typing import Any

import pytest

from bench.dynamodb import size_of
from sms_bridge.domain.message import Message, MessageType, Receipt, State
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable
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


WAITING = a_message(**USUAL, state=State.WAITING, attempt=0, attempt_at=0.0)


@pytest.mark.parametrize(
    ("message", "receipts", "units", "most"),
    [
        pytest.param(a_message(**USUAL), (SENT, DELIVERED), [1, 1, 1, 1], 895, id="delivered"),
        pytest.param(a_message(**USUAL), (SENT, ABSENT), [1, 1, 1, 1], 998, id="failed"),
        pytest.param(WAITING, (SENT, DELIVERED), [1] * 6, 964, id="queued and delivered"),
        pytest.param(WAITING, (SENT, ABSENT), [1, 1, 1, 1, 2, 2], 1067, id="queued and failed"),
        pytest.param(a_message(**USUAL), (SENT, DELIVERED, READ), [1, 1, 1, 2, 2], 1045, id="read"),
        pytest.param(
            a_message(**LONG), (SENT, DEFERRED, ABSENT), [1, 1, 1, 2, 2], 1367, id="long names"
        ),
    ],
)
@pytest.mark.usefixtures("aws")
def test_each_write_of_a_message_takes_so_many_units(
    message: Message, receipts: tuple[Receipt, ...], units: list[int], most: int
) -> None:
    client = a_messages_table()
    store = DynamoDBMessages(MessagesTable(client, TABLE))
    writes: list[Callable[[], object]] = [lambda: store.create(message)]
    if message is WAITING:
        writes.append(lambda: store.begin_attempt(MESSAGE_ID, AT + 1))
        writes.append(lambda: store.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, AT + 2))
    outcome = None
    for one in receipts:
        receipt = replace(one, sub_account_id=message.sub_account_id)
        outcome = receipt.outcome
        writes.append(partial(store.record_receipt, MESSAGE_ID, receipt, outcome))
    assert outcome
    writes.append(partial(store.record_reported, MESSAGE_ID, outcome, AT + 10))

    sizes = [0]
    for write in writes:
        write()
        (item,) = client.scan(TableName=TABLE)["Items"]
        sizes.append(size_of(item))

    # A write is charged for the larger one of what was there and what is there now.
    assert [ceil(max(both) / ONE_WRITE_UNIT) for both in pairwise(sizes)] == units
    assert max(sizes) == most
