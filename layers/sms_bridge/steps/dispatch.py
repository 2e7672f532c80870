"""Works off the send queue: batches to 8x8, each message once."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from sms_bridge.clock import Clock, seconds_of, timestamp
from sms_bridge.logs import log_failure, logger
from sms_bridge.metrics import Metric
from sms_bridge.rules.life_cycle import NOT_WITH_8X8, State
from sms_bridge.rules.messages import Message, MessageKind, MessageRequest
from sms_bridge.rules.opt_outs import OPTED_OUT
from sms_bridge.rules.pacing import seconds_for
from sms_bridge.rules.send_results import EXPIRED, SendResult, Verdict
from sms_bridge.rules.sending_again import ResendPolicy
from sms_bridge.steps.log_lines import log_attempt, seconds_since
from sms_bridge.steps.queueing import queue_outcome
from sms_bridge.steps.send import Sender
from sms_bridge.storage.dead_letters import DeadLetterQueue
from sms_bridge.storage.messages import MessageStore
from sms_bridge.storage.opt_outs import OptOuts
from sms_bridge.storage.outcome_queue import OutcomeQueue
from sms_bridge.storage.send_queue import SendRecord, read_send_record
from sms_bridge.values import value

# Kept back from the time for 8x8, to write down what it said of every message.
_SECONDS_TO_RECORD = 15.0
_MAX_SECONDS_FOR_8X8 = 25.0

# For how long a record stays out of sight whose message someone else is sending, or of which
# nobody knows whether 8x8 has it.
_SECONDS_BETWEEN_LOOKS = 120

# A record that fails so often will always fail.
_MAX_FAILURES = 50

# Errors of a whole batch that may be the fault of one of its messages.
_ONE_MAY_SPOIL_ALL = (400, 422)

_BATCH_REFUSED = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="batch_refused",
    description="8x8 refused the batch; the message is sent alone",
)


class _Fate(Enum):
    """What becomes of a record whose message is not to be sent now."""

    DROP = auto()
    LATER = auto()
    NOT_FOUND = auto()


class BatchSender(Sender, Protocol):
    """Sends many messages, as :class:`sms_bridge.web.eightx8.EightX8` does."""

    def send_batch(
        self,
        sub_account_id: str,
        messages: Mapping[str, MessageRequest],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        """Send them once."""


class Postpones(Protocol):
    """Hides records, as :class:`sms_bridge.storage.send_queue.SqsSendQueue` does."""

    def postpone(self, record: SendRecord, *, seconds: int) -> None:
        """Hide a record for a while."""


@value(kw_only=True)
class DispatchPlan:
    """How this deployment works off the queue.

    Attributes
    ----------
    rate
        Messages a second for each sub-account; 0 for no limit.
    at_once
        How many functions may run at once.
    """

    heeding_kinds: frozenset[MessageKind]
    policy: ResendPolicy
    rate: float
    at_once: int


class DispatchMessages:
    """Sends the messages of an SQS event."""

    def __init__(
        self,
        plan: DispatchPlan,
        *,
        messages: MessageStore,
        send_queue: Postpones,
        dead_letters: DeadLetterQueue,
        outcomes: OutcomeQueue,
        opt_outs: OptOuts,
        sender: BatchSender,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._plan = plan
        self._messages = messages
        self._send_queue = send_queue
        self._dead_letters = dead_letters
        self._outcomes = outcomes
        self._opt_outs = opt_outs
        self._sender = sender
        self._clock = clock
        self._sleep = sleep
        self._chance = chance

    def __call__(
        self,
        records: Sequence[dict[str, Any]],
        *,
        hash_key: str,
        time_left: Callable[[], float],
    ) -> dict[str, Any]:
        """Send what may be sent.

        Parameters
        ----------
        time_left
            Seconds until the function is stopped.

        Returns
        -------
        dict
            A partial batch response: what has to be looked at again stays in the queue.
        """
        again: list[str] = []
        ready: dict[str, list[tuple[SendRecord, Message]]] = defaultdict(list)
        for raw in records:
            try:
                record = read_send_record(raw)
            except (ValueError, KeyError, TypeError):
                again += self._bury(raw, "unreadable")
                continue
            try:
                taken = self._take(record, hash_key)
                if isinstance(taken, Message):
                    ready[record.request.sub_account_id].append((record, taken))
                elif taken is _Fate.NOT_FOUND:
                    again += self._bury(raw, "message_not_found")
                elif taken is _Fate.LATER:
                    self._send_queue.postpone(record, seconds=_SECONDS_BETWEEN_LOOKS)
                    again.append(record.record_id)
            except Exception as error:
                log_failure("message not dispatched", error, message_id=record.message_id)
                if record.tries < _MAX_FAILURES:
                    again.append(record.record_id)
                else:
                    again += self._bury(raw, f"failed_{type(error).__name__}")
        began = self._clock()
        for sub_account_id, batch in ready.items():
            again += self._send(sub_account_id, batch, time_left)
        most = max(map(len, ready.values()), default=0)
        planned = seconds_for(most, rate=self._plan.rate, at_once=self._plan.at_once)
        self._sleep(max(0.0, min(planned - (self._clock() - began), time_left() - 1)))
        return {"batchItemFailures": [{"itemIdentifier": name} for name in again]}

    # ------------------------------------------------------------------------------------ before
    def _take(self, record: SendRecord, hash_key: str) -> "Message | _Fate":
        """Begin to send a message, unless its record is to be left or dropped."""
        request, now = record.request, self._clock()
        opted_out = request.kind in self._plan.heeding_kinds and self._opt_outs.is_opted_out(
            request.sub_account_id, request.destination, hash_key=hash_key
        )
        attempt = self._messages.begin_attempt(record.message_id, timestamp(now))
        message = attempt.message
        if message is None or not message.accepted_at:
            return _Fate.NOT_FOUND
        expired = seconds_of(message.send_before) <= now
        if not attempt.begun:
            return _Fate.LATER if message.state in NOT_WITH_8X8 and not expired else _Fate.DROP
        if expired or opted_out:
            self._record(message, EXPIRED if expired else OPTED_OUT)
            return _Fate.DROP
        return message

    def _bury(self, raw: dict[str, Any], reason: str) -> list[str]:
        """Move a record to the dead-letter queue; returns it if that fails."""
        logger.error("send record given up", record=raw["messageId"], reason=reason)
        try:
            self._dead_letters.add(raw["body"], reason=reason)
        except Exception as error:
            log_failure("send record not given up", error, record=raw["messageId"])
            return [raw["messageId"]]
        return []

    # ------------------------------------------------------------------------------------ sending
    def _send(
        self,
        sub_account_id: str,
        batch: list[tuple[SendRecord, Message]],
        time_left: Callable[[], float],
    ) -> list[str]:
        """Send the messages of one sub-account; returns the records to be looked at again."""
        results = self._post(sub_account_id, batch, time_left)
        again = []
        for record, message in batch:
            result = results[message.id]
            try:
                state = self._record(message, result)
                if state in (State.WAITING, State.UNKNOWN):
                    wait = self._plan.policy.wait_in_queue(
                        result, tries=record.tries, chance=self._chance()
                    )
                    self._send_queue.postpone(record, seconds=wait)
                    again.append(record.record_id)
            except Exception as error:
                log_failure("result not recorded", error, message_id=message.id)
                again.append(record.record_id)
        return again

    def _post(
        self,
        sub_account_id: str,
        batch: list[tuple[SendRecord, Message]],
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        requests = {message.id: record.request for record, message in batch}
        ends_at = self._clock() + _MAX_SECONDS_FOR_8X8

        def seconds_left() -> float:
            return min(ends_at - self._clock(), time_left() - _SECONDS_TO_RECORD)

        results = self._sender.send_batch(sub_account_id, requests, time_left=seconds_left)
        refused = all(
            result.verdict is Verdict.PERMANENT and result.http_status in _ONE_MAY_SPOIL_ALL
            for result in results.values()
        )
        if not refused or len(batch) == 1:
            return results
        return {
            message_id: self._sender.send(request, message_id, time_left=seconds_left)
            if seconds_left() > 1
            else _BATCH_REFUSED
            for message_id, request in requests.items()
        }

    def _record(self, message: Message, result: SendResult) -> State:
        now = self._clock()
        recorded = self._messages.record_result(
            message.id,
            message.attempt,
            result,
            self._plan.policy.state_after(result, in_doubt=bool(message.in_doubt_since)),
            timestamp(now),
        )
        queue_outcome(self._outcomes, recorded, now)
        waited = {Metric.SECONDS_IN_QUEUE: seconds_since(message.accepted_at, now)}
        log_attempt(recorded, result, now, waited)
        return recorded.message.state
