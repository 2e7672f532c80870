"""What the tests of message stores do again and again."""

from sms_bridge.domain.attempt import Effect, Recorded
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Receipt, State
from sms_bridge.services.interfaces import MessageStore
from tests.builders import MESSAGE_ID

LATER = seconds_of("2026-11-24T09:31:00.000Z")


def record(store: MessageStore, receipt: Receipt) -> Recorded:
    return store.record_receipt(MESSAGE_ID, receipt, receipt.outcome)


def kept(store: MessageStore, message_id: str = MESSAGE_ID) -> Message:
    message = store.get(message_id)
    assert message is not None
    return message


def seen(attempt: Recorded | Exception) -> tuple[Effect, State, int, float, float]:
    """Return what an answer to a begin says; what else it holds of the message is left open."""
    assert isinstance(attempt, Recorded)
    message = attempt.message
    # Whether there is something to report matters only where nothing was begun.
    due_at = message.outcome_due_at if attempt.effect is Effect.LATE else 0.0
    return attempt.effect, message.state, message.attempt, message.ambiguous_since, due_at
