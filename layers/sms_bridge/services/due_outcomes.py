"""Queues the outcome of a message, when one is due."""

from typing import TYPE_CHECKING

from sms_bridge.domain.outcome import SECONDS_BEFORE_QUEUEING_AGAIN, seconds_before_reporting
from sms_bridge.domain.recorded import Effect, Recorded

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import OutcomeQueue


def queue_outcome(queue: "OutcomeQueue", recorded: Recorded, now: float) -> None:
    """Queue the outcome that was just recorded, if it has to be reported."""
    message = recorded.message
    if not message.outcome_is_open:
        return
    if recorded.outcome_is_new:
        delay = seconds_before_reporting(message.accepted_at, now)
        queue.add(message.id, delay_seconds=delay, lease=message.outcome_lease_owner)
    elif recorded.effect in (Effect.LATE, Effect.REPEATED):
        # 8x8 repeats a callback that was not answered: queueing may have failed the first time.
        queue.add(message.id, delay_seconds=SECONDS_BEFORE_QUEUEING_AGAIN)
