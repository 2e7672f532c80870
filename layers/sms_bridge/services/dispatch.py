"""Sends the messages of the send queue in batches, each message once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sms_bridge.domain.arrivals import QueuedMessage
from sms_bridge.domain.attempt import EXPIRED, OPTED_OUT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import NOT_WITH_8X8, Message, State
from sms_bridge.observability import Metric, log_failure
from sms_bridge.services import steps

if TYPE_CHECKING:
    from sms_bridge.providers.eightx8 import EightX8
    from sms_bridge.services import interfaces
    from sms_bridge.settings import DispatchSettings

# Kept back from the time for 8x8, to record the result of every message.
_SECONDS_TO_RECORD = 15.0
_MAX_SECONDS_FOR_8X8 = 25.0

# For how long a record is hidden if its message is being sent by another one, or is ambiguous.
_SECONDS_BETWEEN_LOOKS = 120

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
    sender: "EightX8"
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
        kept_back: list[_Begun] = []
        why: dict[str, SendResult] = {}
        now = self.clock()
        for queued in received:
            message = queued.message
            attempt = attempts.pop(message.id, None)
            expired = message.send_before <= now
            if attempt is None:
                # Another record of the message is in the same batch, and sends it.
                stay.append((queued, _SECONDS_BETWEEN_LOOKS))
            elif isinstance(attempt, Exception):
                log_failure("message not dispatched", attempt, message_id=message.id)
                stay.append((queued, None))
            elif attempt.effect is Effect.MOVED and (expired or message.id in opted_out):
                why[message.id] = EXPIRED if expired else OPTED_OUT
                kept_back.append((queued, attempt.message))
            elif attempt.effect is Effect.MOVED:
                ready[message.sub_account_id].append((queued, attempt.message))
            elif not attempt.message.accepted_at:
                if not self.dead_letters.move(queued.record, reason="message_not_found"):
                    stay.append((queued, None))
            else:
                if attempt.message.outcome_is_open and queued.receives > 1:
                    # The record came back, so queueing the outcome may have failed.
                    again = steps.SECONDS_BEFORE_QUEUEING_AGAIN
                    try:
                        self.outcomes.add(message.id, delay_seconds=again)
                    except Exception as error:
                        log_failure("outcome not queued again", error, message_id=message.id)
                if attempt.message.state in NOT_WITH_8X8 and not expired:
                    stay.append((queued, _SECONDS_BETWEEN_LOOKS))
        stay += self._record(kept_back, why)
        began = self.clock()
        for sub_account_id, batch in ready.items():
            stay += self._record(batch, self._post(sub_account_id, batch, time_left))
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

    def _post(
        self, sub_account_id: str, batch: list[_Begun], time_left: Callable[[], float]
    ) -> dict[str, SendResult]:
        """Send the messages of one sub-account; returns their results, or none."""
        requests = {queued.message.id: queued.request for queued, _ in batch}
        ends_at = self.clock() + _MAX_SECONDS_FOR_8X8

        def seconds_left() -> float:
            return min(ends_at - self.clock(), time_left() - _SECONDS_TO_RECORD)

        try:
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
        except Exception as error:
            log_failure("batch not sent", error, sub_account_id=sub_account_id)
            return {}

    def _record(self, batch: list[_Begun], results: Mapping[str, SendResult]) -> list[_Stay]:
        """Record what came of messages; returns those that stay."""
        stay: list[_Stay] = []
        accepted = []
        for queued, begun in batch:
            message = queued.message
            result = results.get(message.id)
            if result is None:
                # What has left is not known: its state says so, and `reconcile` asks the log.
                stay.append((queued, None))
                continue
            if not result.is_to_be_written(is_scheduled=queued.request.is_scheduled):
                accepted.append((message, begun.attempt, result.umid))
                continue
            now = self.clock()
            policy = self.settings.ambiguous_send_policy
            state = policy.state_after(result, ambiguous=bool(begun.ambiguous_since))
            try:
                recorded = self.messages.record_result(
                    message.id, begun.attempt, result, state, now
                )
                steps.queue_outcome(self.outcomes, recorded, now)
            except Exception as error:
                log_failure("result not recorded", error, message_id=message.id)
                stay.append((queued, None))
                continue
            waited = steps.seconds_since(message.accepted_at, now)
            steps.log_attempt(recorded, result, {Metric.SECONDS_IN_QUEUE: waited})
            if recorded.message.state in (State.WAITING, State.UNKNOWN):
                wait = result.wait_in_queue(tries=queued.receives, chance=self.chance())
                stay.append((queued, wait))
        steps.log_accepted(accepted, self.clock())
        return stay


def seconds_for(messages: int, *, rate: float, at_once: int) -> float:
    """Return how long one function has to take for its messages, so that all stay under the rate.

    ``rate`` is in messages a second, 0 for no limit; ``at_once`` functions may run at once.
    """
    return messages * at_once / rate if rate else 0.0
