"""Sends a message: claim, post, record."""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Protocol

from sms_bridge.domain.clock import Clock, seconds_of, timestamp
from sms_bridge.domain.duplicates import Claim, claim, claim_key
from sms_bridge.domain.message import Message, MessageRequest, MessageType, NewId, Sms, new_id
from sms_bridge.domain.opt_out import OPTED_OUT
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.domain.retry_policy import RetryPolicy, is_to_be_written
from sms_bridge.domain.segments import segments_of
from sms_bridge.domain.send_result import SendResult, Verdict, message_after
from sms_bridge.domain.state import State
from sms_bridge.observability import Metric, identity_of, log_failure, logger, measured
from sms_bridge.services.deadline import ANSWER_SECONDS, AnswerTime, OutOfTimeError
from sms_bridge.services.due_outcomes import queue_outcome
from sms_bridge.services.interfaces import (
    Effect,
    MessageStore,
    OptOuts,
    OutcomeQueue,
    Recorded,
    SendQueue,
)
from sms_bridge.services.log_lines import Values, log_attempt, seconds_since
from sms_bridge.side_work import SideWork, begin
from sms_bridge.values import changed, value

# Kept back from the time for 8x8, to write down what it said.
_SECONDS_TO_RECORD = 0.3

# In less time 8x8 may not answer, and nobody would know whether it has the message.
_SECONDS_FOR_A_TRY = 0.5

_SECONDS_BETWEEN_LOOKS = 0.1

# A repeat brings the text of a message that waits, should its record have got lost. It is no
# reason to send sooner than planned.
_SECONDS_BEHIND_THE_FIRST = 30

_NOT_TRIED = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="out_of_time",
    description="The message could not be sent within the time for an answer",
)
_NOT_CHECKED = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="opt_out_unknown",
    description="Whether the recipient opted out could not be looked up",
)


class Sender(Protocol):
    """Sends one message, as :class:`sms_bridge.providers.eightx8.EightX8` does."""

    def send(self, sub_account_id: str, sms: Sms, *, time_left: Callable[[], float]) -> SendResult:
        """Send it once."""


@value(kw_only=True)
class SendingPlan:
    """How this deployment sends.

    Attributes
    ----------
    duplicate_window
        Seconds; 0 for none.
    is_queued
        Whether every message goes to the send queue, which is worked off in batches.
    heeding_kinds
        The kinds of messages that are kept from people who opted out.
    seconds_to_live
        After how long a message must not be sent any more.
    """

    duplicate_window: int
    is_queued: bool
    opt_out_message_types: frozenset[MessageType]
    seconds_to_live: Mapping[MessageType, int]
    policy: RetryPolicy


class SendMessage:
    """Sends a message that was asked for, unless it repeats another one."""

    def __init__(
        self,
        plan: SendingPlan,
        *,
        messages: MessageStore,
        send_queue: SendQueue,
        outcomes: OutcomeQueue,
        opt_outs: OptOuts,
        sender: Sender,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        new_id: NewId = new_id,
    ) -> None:
        self._plan = plan
        self._messages = messages
        self._send_queue = send_queue
        self._outcomes = outcomes
        self._opt_outs = opt_outs
        self._sender = sender
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._new_id = new_id

    def __call__(
        self, request: MessageRequest, *, hash_key: str, answer_time: AnswerTime[Message]
    ) -> Message:
        """Send the message and return what is known about it then.

        Parameters
        ----------
        hash_key
            For what stands in the table for the claim, and in logs for the recipient.
        answer_time
            From the claim on it has an answer to give when the time is over.

        Raises
        ------
        OutOfTimeError
            The time was over before an answer could be promised. The message is not sent, unless
            it is asked for again.
        """
        recipient_hash = keyed_hash(request.destination, hash_key)
        opted_out = self._look_up_opt_out(request, recipient_hash)
        claimed = self._claim(request, recipient_hash, hash_key)
        message = claimed.message
        if not claimed.won:
            repeated = measured({Metric.DUPLICATES: 1}, self._clock())
            logger.info("repeat caught", **identity_of(message), **repeated)
            return self._repeat(message, request, recipient_hash, answer_time)
        if self._plan.is_queued:
            self._send_queue.add(message, request)
            values = {**self._accepted(message), Metric.QUEUED: 1}
            queued = measured(values, self._clock())
            logger.info("message queued", **identity_of(message), **queued)
            return message
        try:
            answer_time.promise(message)
        except OutOfTimeError:
            self._record(message, _NOT_TRIED, State.WAITING)
            raise
        values = self._accepted(message)
        result = self._result_of(opted_out) or self._post(request, message, answer_time, values)
        return self._resolve(message, request, result, values)

    # ------------------------------------------------------------------------------------ claims
    def _claim(self, request: MessageRequest, recipient_hash: str, hash_key: str) -> Claim:
        now = self._clock()
        segments = segments_of(request.text, request.options.get("encoding", "AUTO"))
        key = claim_key(request, window_seconds=self._plan.duplicate_window, hash_key=hash_key)
        message = Message(
            id=self._new_id() if key is None else "",
            claimed_by=self._new_id(),
            state=State.WAITING if self._plan.is_queued else State.SENDING,
            message_type=request.message_type,
            sub_account_id=request.sub_account_id,
            destination=request.destination,
            recipient_hash=recipient_hash,
            source=request.source or "",
            client_message_id=request.client_message_id or "",
            campaign_id=request.campaign_id or "",
            dlt_template_id=request.dlt_template_id or "",
            encoding=segments.encoding,
            segments=segments.count,
            accepted_at=timestamp(now),
            send_before=timestamp(now + self._plan.seconds_to_live[request.message_type]),
            attempt=0 if self._plan.is_queued else 1,
            attempt_at="" if self._plan.is_queued else timestamp(now),
        )
        if key is None:
            self._messages.create(message)
            return Claim(won=True, message=message)
        return claim(message, key, now, self._messages.create)

    def _repeat(
        self,
        first: Message,
        request: MessageRequest,
        recipient_hash: str,
        answer_time: AnswerTime[Message],
    ) -> Message:
        """Return the message that was claimed first, as it is known once its sender is done."""
        sender_is_done = seconds_of(first.accepted_at) + ANSWER_SECONDS
        while first.state is State.SENDING and self._clock() < sender_is_done:
            if answer_time.left() < _SECONDS_TO_RECORD + _SECONDS_BETWEEN_LOOKS:
                return first
            self._sleep(_SECONDS_BETWEEN_LOOKS)
            first = self._messages.get(first.id) or first
        if first.state is State.WAITING:
            # Who it is for may have been forgotten meanwhile, but not that they opted out.
            known = changed(first, destination=request.destination, recipient_hash=recipient_hash)
            self._send_queue.add(known, request, delay_seconds=_SECONDS_BEHIND_THE_FIRST)
        return first

    # ----------------------------------------------------------------------------------- opt-outs
    def _look_up_opt_out(
        self, request: MessageRequest, recipient_hash: str
    ) -> SideWork[bool] | None:
        """Begin to look, while the message is claimed."""
        if self._plan.is_queued or request.message_type not in self._plan.opt_out_message_types:
            return None
        person = request.sub_account_id, recipient_hash
        return begin(partial(self._opt_outs.is_opted_out, person))

    @staticmethod
    def _result_of(opted_out: SideWork[bool] | None) -> SendResult | None:
        if opted_out is None:
            return None
        try:
            return OPTED_OUT if opted_out.result() else None
        except Exception as error:
            log_failure("opt-out not looked up", error)
            return _NOT_CHECKED

    # ------------------------------------------------------------------------------------ sending
    def _post(
        self,
        request: MessageRequest,
        message: Message,
        answer_time: AnswerTime[Message],
        values: Values,
    ) -> SendResult:
        """Send the message, and again while that is safe and in time; counts what was throttled."""

        def time_left() -> float:
            return answer_time.left() - _SECONDS_TO_RECORD

        sms = request.sms(message.id)
        result, ambiguous = _NOT_TRIED, None
        for tries in count(1):
            if time_left() < _SECONDS_FOR_A_TRY:
                break
            result = self._sender.send(message.sub_account_id, sms, time_left=time_left)
            if result.verdict is Verdict.AMBIGUOUS:
                ambiguous = result
            pause = self._plan.policy.pause_before_trying_at_once(
                result, tries=tries, seconds_left=time_left(), chance=self._chance()
            )
            if pause is None:
                break
            if result.verdict is Verdict.THROTTLED:
                values[Metric.THROTTLED] = values.get(Metric.THROTTLED, 0) + 1
            self._sleep(pause)
        # What came of the last try does not tell that an earlier one failed.
        return result if result.verdict is Verdict.ACCEPTED else ambiguous or result

    def _resolve(
        self, message: Message, request: MessageRequest, result: SendResult, values: Values
    ) -> Message:
        """Record the result; what may be sent again, or may have to be, goes to the queue."""
        state = self._plan.policy.state_after(result)
        if state in (State.WAITING, State.UNKNOWN):
            wait = self._plan.policy.wait_in_queue(result, tries=1, chance=self._chance())
            try:
                # First, so that no crash leaves a message that waits for nothing.
                self._send_queue.add(message, request, delay_seconds=wait)
                values[Metric.QUEUED] = 1
            except Exception as error:
                log_failure("message not queued", error, message_id=message.id)
        recorded = (
            self._record(message, result, state)
            if is_to_be_written(result, is_scheduled=request.is_scheduled)
            else Recorded(message_after(message, result, state), Effect.MOVED, outcome_is_new=False)
        )
        now = self._clock()
        values[Metric.SECONDS_TO_ANSWER] = seconds_since(message.accepted_at, now)
        log_attempt(recorded, result, now, values)
        return recorded.message

    @staticmethod
    def _accepted(message: Message) -> Values:
        return {Metric.ACCEPTED: 1, Metric.ESTIMATED_SEGMENTS: message.segments}

    def _record(self, message: Message, result: SendResult, state: State) -> Recorded:
        try:
            recorded = self._messages.record_result(
                message.id, message.attempt, result, state, timestamp(self._clock())
            )
            queue_outcome(self._outcomes, recorded, self._clock())
        except Exception as error:
            # The message may be out: a refusal now would make MoEngage count it as failed.
            log_failure("result not recorded", error, message_id=message.id)
            return Recorded(
                message_after(message, result, state), Effect.LATE, outcome_is_new=False
            )
        return recorded
