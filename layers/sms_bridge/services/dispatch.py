"""Sends the messages of the send queue in batches, each message once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sms_bridge.domain.arrivals import QueuedMessage
from sms_bridge.domain.attempt import EXPIRED, OPTED_OUT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import NOT_WITH_8X8, Message, State
from sms_bridge.observability import Metric, log_failure
from sms_bridge.services import steps

if TYPE_CHECKING:
    from sms_bridge.services import interfaces
    from sms_bridge.settings import DispatchSettings

# Kept back from the time for 8x8, to record the result of every message.
_SECONDS_TO_RECORD = 15.0
_MAX_SECONDS_FOR_8X8 = 25.0

# For how long a record is hidden if its message is being sent by another one, or is ambiguous.
_SECONDS_BETWEEN_LOOKS = 120

# A record that fails so often will always fail.
_MAX_FAILURES = 50

# Errors of a whole batch that may be the fault of one of its messages.
_ONE_MAY_SPOIL_ALL = (400, 422)

_BATCH_REFUSED = SendResult(
    Verdict.NOT_SENT, "batch_refused", "8x8 refused the batch; the message is sent alone"
)

_Begun = tuple[QueuedMessage, Message]
"""A queued message, and what is known of it since the attempt to send it was begun."""

_Stay = tuple[QueuedMessage, int | None]
"""A message that stays in the queue, and the seconds for which it is hidden, if it is."""


@dataclass(kw_only=True, eq=False, repr=False)
class DispatchMessages:
    """Sends the messages of a batch from the send queue."""

    settings: "DispatchSettings"
    messages: "interfaces.MessageStore"
    send_queue: "interfaces.SendQueue"
    dead_letters: "interfaces.DeadLetterQueue"
    outcomes: "interfaces.OutcomeQueue"
    opt_outs: "interfaces.OptOuts"
    sender: "interfaces.Sender"
    clock: Clock
    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def __call__(
        self, received: Sequence[QueuedMessage], *, time_left: Callable[[], float]
    ) -> list[QueuedMessage]:
        """Send what may be sent; returns the messages that stay in the queue.

        ``time_left`` tells the seconds until the function is stopped.
        """
        stay: list[_Stay] = []
        opted_out, attempts = self._begin(received)
        ready: dict[str, list[_Begun]] = defaultdict(list)
        now = self.clock()
        for queued in received:
            message = queued.message
            attempt = attempts.pop(message.id, None)
            expired = message.send_before <= now
            try:
                if attempt is None:
                    # Another record of the message is in the same batch, and sends it.
                    stay.append((queued, _SECONDS_BETWEEN_LOOKS))
                elif isinstance(attempt, Exception):
                    stay += self._fail(queued, attempt)
                elif attempt.effect is Effect.MOVED:
                    if expired or message.id in opted_out:
                        self._record(queued, attempt.message, EXPIRED if expired else OPTED_OUT)
                    else:
                        ready[message.sub_account_id].append((queued, attempt.message))
                elif not attempt.message.accepted_at:
                    stay += self._dead_letter(queued, "message_not_found")
                else:
                    if attempt.message.outcome_is_open and queued.receives > 1:
                        # The record came back, so queueing the outcome may have failed.
                        again = steps.SECONDS_BEFORE_QUEUEING_AGAIN
                        self.outcomes.add(message.id, delay_seconds=again)
                    if attempt.message.state in NOT_WITH_8X8 and not expired:
                        stay.append((queued, _SECONDS_BETWEEN_LOOKS))
            except Exception as error:
                stay += self._fail(queued, error)
        began = self.clock()
        for sub_account_id, batch in ready.items():
            stay += self._send(sub_account_id, batch, time_left)
        self.send_queue.postpone([(queued, wait) for queued, wait in stay if wait])
        most = max(map(len, ready.values()), default=0)
        # Each of the two queues may have that many functions.
        at_once = 2 * self.settings.dispatch_concurrency
        planned = seconds_for(most, rate=self.settings.send_rate_limit, at_once=at_once)
        self.sleep(max(0.0, min(planned - (self.clock() - began), time_left() - 1)))
        return [queued for queued, _ in stay]

    def _begin(
        self, received: Sequence[QueuedMessage]
    ) -> tuple[set[str], dict[str, Recorded | Exception]]:
        """Begin an attempt for each message, if it is known who opted out.

        Returns the messages to people who opted out; and by message its attempt, or why none was
        begun.
        """
        types = self.settings.opt_out_message_types
        # What confirms an opt-out is not kept back by it.
        checked = {
            one.message.id: (one.message.sub_account_id, one.message.recipient_hash)
            for one in received
            if one.message.message_type in types and not one.message.reply_to
        }
        opted_out: set[str] = set()
        attempts: dict[str, Recorded | Exception] = {}
        try:
            people = self.opt_outs.opted_out_among(checked.values())
            opted_out = {message_id for message_id, person in checked.items() if person in people}
        except Exception as error:
            attempts = dict.fromkeys(checked, error)
        ids = [one.message.id for one in received if one.message.id not in attempts]
        return opted_out, attempts | self.messages.begin_first_attempts(ids, self.clock())

    def _fail(self, queued: QueuedMessage, error: Exception) -> list[_Stay]:
        """Leave a message in the queue, unless it has failed too often; returns it if it stays."""
        log_failure("message not dispatched", error, message_id=queued.message.id)
        if queued.receives < _MAX_FAILURES:
            return [(queued, None)]
        return self._dead_letter(queued, f"failed_{type(error).__name__}")

    def _dead_letter(self, queued: QueuedMessage, reason: str) -> list[_Stay]:
        """Move a message to the dead-letter queue; returns it if that fails."""
        return [] if self.dead_letters.move(queued.record, reason=reason) else [(queued, None)]

    def _send(
        self, sub_account_id: str, batch: list[_Begun], time_left: Callable[[], float]
    ) -> list[_Stay]:
        """Send the messages of one sub-account; returns those that stay."""
        stay: list[_Stay] = []
        accepted = []
        try:
            results = self._post(sub_account_id, batch, time_left)
        except Exception as error:
            # What has left is not known: their state says so, and `reconcile` asks the log.
            log_failure("batch not sent", error, sub_account_id=sub_account_id)
            return [(queued, None) for queued, _ in batch]
        for queued, begun in batch:
            result = results[queued.message.id]
            if not result.is_to_be_written(is_scheduled=queued.request.is_scheduled):
                accepted.append((queued.message, begun.attempt, result.umid))
                continue
            try:
                state = self._record(queued, begun, result)
            except Exception as error:
                log_failure("result not recorded", error, message_id=queued.message.id)
                stay.append((queued, None))
                continue
            if state in (State.WAITING, State.UNKNOWN):
                wait = result.wait_in_queue(tries=queued.receives, chance=self.chance())
                stay.append((queued, wait))
        steps.log_accepted(accepted, self.clock())
        return stay

    def _post(
        self, sub_account_id: str, batch: list[_Begun], time_left: Callable[[], float]
    ) -> dict[str, SendResult]:
        requests = {queued.message.id: queued.request for queued, _ in batch}
        ends_at = self.clock() + _MAX_SECONDS_FOR_8X8

        def seconds_left() -> float:
            return min(ends_at - self.clock(), time_left() - _SECONDS_TO_RECORD)

        results = self.sender.send_batch(sub_account_id, requests, time_left=seconds_left)
        if len(batch) == 1 or not all(
            result.verdict is Verdict.PERMANENT and result.http_status in _ONE_MAY_SPOIL_ALL
            for result in results.values()
        ):
            return results
        return {
            message_id: self.sender.send(request, message_id, time_left=seconds_left)
            if seconds_left() > 1
            else _BATCH_REFUSED
            for message_id, request in requests.items()
        }

    def _record(self, queued: QueuedMessage, begun: Message, result: SendResult) -> State:
        now = self.clock()
        policy = self.settings.ambiguous_send_policy
        state = policy.state_after(result, ambiguous=bool(begun.ambiguous_since))
        message_id = queued.message.id
        recorded = self.messages.record_result(message_id, begun.attempt, result, state, now)
        steps.queue_outcome(self.outcomes, recorded, now)
        waited = steps.seconds_since(queued.message.accepted_at, now)
        steps.log_attempt(recorded, result, {Metric.SECONDS_IN_QUEUE: waited})
        return recorded.message.state


def seconds_for(messages: int, *, rate: float, at_once: int) -> float:
    """Return how long one function has to take for its messages, so that all stay under the rate.

    ``rate`` is in messages a second, 0 for no limit; ``at_once`` functions may run at once.
    """
    return messages * at_once / rate if rate else 0.0
