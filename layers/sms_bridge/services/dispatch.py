"""Works off the send queue: batches to 8x8, each message once."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from sms_bridge.domain.clock import Clock, timestamp
from sms_bridge.domain.message import MessageType, Sms
from sms_bridge.domain.opt_out import OPTED_OUT
from sms_bridge.domain.retry_policy import RetryPolicy, is_to_be_written, seconds_for
from sms_bridge.domain.send_result import EXPIRED, SendResult, Verdict
from sms_bridge.domain.state import NOT_WITH_8X8, State
from sms_bridge.observability import Metric, log_failure, logger
from sms_bridge.services.due_outcomes import queue_outcome
from sms_bridge.services.interfaces import (
    Attempt,
    DeadLetterQueue,
    MessageStore,
    OptOuts,
    OutcomeQueue,
    Person,
)
from sms_bridge.services.log_lines import log_attempt, log_taken, seconds_between
from sms_bridge.services.send import Sender
from sms_bridge.storage.queues import SendRecord
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

_Begun = tuple[SendRecord, Attempt]
"""A record, and the attempt to send its message."""

_Wait = tuple[SendRecord, int]
"""A record, and the seconds for which it stays out of sight."""


class _Action(Enum):
    """What becomes of a record."""

    SEND = auto()
    DROP = auto()
    LATER = auto()
    NOT_FOUND = auto()


class BatchSender(Sender, Protocol):
    """Sends many messages, as :class:`sms_bridge.providers.eightx8.EightX8` does."""

    def send_batch(
        self,
        sub_account_id: str,
        messages: Mapping[str, Sms],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        """Send them once."""


class Postpones(Protocol):
    """Hides records, as :class:`sms_bridge.storage.send_queue.SqsSendQueue` does."""

    def postpone(self, waits: Sequence[tuple[SendRecord, int]]) -> None:
        """Hide records for so many seconds."""


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

    opt_out_message_types: frozenset[MessageType]
    policy: RetryPolicy
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
        received: list[SendRecord] = []
        for raw in records:
            try:
                received.append(SendRecord(raw))
            except (ValueError, LookupError):
                again += self._dead_letter(raw, "unreadable")
        opted_out, attempts = self._begin(received)
        ready: dict[str, list[_Begun]] = defaultdict(list)
        waits: list[_Wait] = []
        now = self._clock()
        for record in received:
            attempt = attempts.pop(record.message_id, None)
            if isinstance(attempt, Exception):
                again += self._fail(record, attempt)
                continue
            try:
                action = self._action(record, attempt, opted_out, now)
                if attempt and action is _Action.SEND:
                    ready[record.sub_account_id].append((record, attempt))
                elif action is _Action.NOT_FOUND:
                    again += self._dead_letter(record.raw, "message_not_found")
                elif action is _Action.LATER:
                    waits.append((record, _SECONDS_BETWEEN_LOOKS))
            except Exception as error:
                again += self._fail(record, error)
        began = self._clock()
        for sub_account_id, batch in ready.items():
            later, failed = self._send(sub_account_id, batch, time_left)
            waits += later
            again += failed
        self._send_queue.postpone(waits)
        again += [record.record_id for record, _ in waits]
        most = max(map(len, ready.values()), default=0)
        planned = seconds_for(most, rate=self._plan.rate, at_once=self._plan.at_once)
        self._sleep(max(0.0, min(planned - (self._clock() - began), time_left() - 1)))
        return {"batchItemFailures": [{"itemIdentifier": name} for name in again]}

    # ------------------------------------------------------------------------------------ before
    def _begin(
        self, records: Sequence[SendRecord]
    ) -> tuple[set[str], dict[str, Attempt | Exception]]:
        """Begin an attempt for each message, if it is known who opted out.

        Returns
        -------
        set, dict
            Messages to people who opted out; and by message what came of beginning its attempt,
            or why it was not begun.
        """
        attempts: dict[str, Attempt | Exception] = {}
        opted_out: set[str] = set()
        checked = [
            record for record in records if record.message_type in self._plan.opt_out_message_types
        ]
        if checked:
            try:
                people = self._opt_outs.opted_out_among(map(_person_of, checked))
                if people:
                    opted_out = {one.message_id for one in checked if _person_of(one) in people}
            except Exception as error:
                attempts = {record.message_id: error for record in checked}
        first: list[str] = []
        later: list[str] = []
        for record in records:
            if record.message_id not in attempts:
                (first if record.tries == 1 else later).append(record.message_id)
        at = timestamp(self._clock())
        attempts |= self._messages.begin_first_attempts(first, at)
        for message_id in later:
            if message_id not in attempts:
                attempts[message_id] = self._begin_again(message_id, at)
        return opted_out, attempts

    def _begin_again(self, message_id: str, at: str) -> Attempt | Exception:
        try:
            return self._messages.begin_attempt(message_id, at)
        except Exception as error:
            return error

    def _action(
        self, record: SendRecord, attempt: Attempt | None, opted_out: set[str], now: float
    ) -> _Action:
        if attempt is None:
            # Of two records of a message, one is enough: this one waits for what the other finds.
            return _Action.LATER
        if attempt.state is None:
            return _Action.NOT_FOUND
        expired = record.send_before <= now
        if not attempt.begun:
            return _Action.LATER if attempt.state in NOT_WITH_8X8 and not expired else _Action.DROP
        if expired or record.message_id in opted_out:
            self._record(record, attempt, EXPIRED if expired else OPTED_OUT)
            return _Action.DROP
        return _Action.SEND

    def _fail(self, record: SendRecord, error: Exception) -> list[str]:
        """Leave a record in the queue, unless it has failed too often; returns it if it stays."""
        log_failure("message not dispatched", error, message_id=record.message_id)
        if record.tries < _MAX_FAILURES:
            return [record.record_id]
        return self._dead_letter(record.raw, f"failed_{type(error).__name__}")

    def _dead_letter(self, raw: Mapping[str, Any], reason: str) -> list[str]:
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
        batch: list[_Begun],
        time_left: Callable[[], float],
    ) -> tuple[list[_Wait], list[str]]:
        """Send the messages of one sub-account.

        Returns
        -------
        list, list
            The records that wait, and those of which it could not be written down what came of
            them.
        """
        results = self._post(sub_account_id, batch, time_left)
        waits: list[_Wait] = []
        failed = []
        taken = []
        for record, attempt in batch:
            result = results[record.message_id]
            if not is_to_be_written(result, is_scheduled=record.is_scheduled):
                taken.append((record, attempt.number, result.umid))
                continue
            try:
                state = self._record(record, attempt, result)
            except Exception as error:
                log_failure("result not recorded", error, message_id=record.message_id)
                failed.append(record.record_id)
                continue
            if state in (State.WAITING, State.UNKNOWN):
                wait = self._plan.policy.wait_in_queue(
                    result, tries=record.tries, chance=self._chance()
                )
                waits.append((record, wait))
        log_taken(taken, self._clock())
        return waits, failed

    def _post(
        self,
        sub_account_id: str,
        batch: list[_Begun],
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        messages = {record.message_id: record.sms for record, _ in batch}
        ends_at = self._clock() + _MAX_SECONDS_FOR_8X8

        def seconds_left() -> float:
            return min(ends_at - self._clock(), time_left() - _SECONDS_TO_RECORD)

        results = self._sender.send_batch(sub_account_id, messages, time_left=seconds_left)
        refused = all(
            result.verdict is Verdict.PERMANENT and result.http_status in _ONE_MAY_SPOIL_ALL
            for result in results.values()
        )
        if not refused or len(batch) == 1:
            return results
        return {
            message_id: self._sender.send(sub_account_id, sms, time_left=seconds_left)
            if seconds_left() > 1
            else _BATCH_REFUSED
            for message_id, sms in messages.items()
        }

    def _record(self, record: SendRecord, attempt: Attempt, result: SendResult) -> State:
        now = self._clock()
        recorded = self._messages.record_result(
            record.message_id,
            attempt.number,
            result,
            self._plan.policy.state_after(result, ambiguous=attempt.is_ambiguous),
            timestamp(now),
        )
        queue_outcome(self._outcomes, recorded, now)
        waited = {Metric.SECONDS_IN_QUEUE: round(seconds_between(record.accepted_at, now), 3)}
        log_attempt(recorded, result, now, waited)
        return recorded.message.state


def _person_of(record: SendRecord) -> Person:
    return record.sub_account_id, record.recipient_hash
