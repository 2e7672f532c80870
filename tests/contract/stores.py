"""What the tests of message stores do again and again."""

from sms_bridge.domain.attempt import Recorded
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Receipt
from sms_bridge.domain.outcome import outcome_of_receipt
from sms_bridge.services.interfaces import MessageStore
from tests.builders import MESSAGE_ID

LATER = seconds_of("2026-11-24T09:31:00.000Z")


def record(store: MessageStore, receipt: Receipt) -> Recorded:
    return store.record_receipt(MESSAGE_ID, receipt, outcome_of_receipt(receipt))


def kept(store: MessageStore, message_id: str = MESSAGE_ID) -> Message:
    message = store.get(message_id)
    assert message is not None
    return message
