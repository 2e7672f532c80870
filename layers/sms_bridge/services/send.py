"""Sends a message: claim, post, record."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from sms_bridge import background
from sms_bridge.domain.attempt import OPTED_OUT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.duplicates import claim, claim_key
from sms_bridge.domain.message import Message, MessageRequest, State
from sms_bridge.errors import NotQueuedError
from sms_bridge.observability import Metric, log_failure, logger, message_fields, metric_fields
from sms_bridge.services import steps
from sms_bridge.services.deadline import ANSWER_SECONDS, AnswerTime, OutOfTimeError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sms_bridge.providers.eightx8 import EightX8
    from sms_bridge.services import interfaces
    from sms_bridge.settings import SendSettings

# Kept back from the time for 8x8, to record its answer.
_SECONDS_TO_RECORD = 0.3

# In less time 8x8 may not answer, and the result would be ambiguous.
_SECONDS_FOR_A_TRY = 0.5

_SECONDS_BETWEEN_LOOKS = 0.1

_NOT_TRIED = SendResult(
    Verdict.NOT_SENT, "out_of_time", "The message could not be sent within the time for an answer"
)
_NOT_QUEUED = SendResult(
    Verdict.PERMANENT, "not_queued", "The message could not be put into its send queue"
)
_NOT_CHECKED = SendResult(
    Verdict.NOT_SENT, "opt_out_unknown", "Whether the recipient opted out could not be looked up"
)


@dataclass(kw_only=True, eq=False, repr=False)
class SendMessage:
    """Sends a message that was asked for, unless it repeats another one."""

    settings: "SendSettings"
    messages: "interfaces.MessageStore"
    send_queue: "interfaces.SendQueue"
    outcomes: "interfaces.OutcomeQueue"
    opt_outs: "interfaces.OptOuts"
    sender: "EightX8"
    clock: Clock
    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def __call__(
        self, request: MessageRequest, *, hash_key: str, answer_time: AnswerTime[Message]
    ) -> Message:
        """Send the message and return what is known about it then.

        As soon as it may be sent an answer is promised, so that a request is refused only if it
        sends nothing:

        .. code-block:: text

            claim ------- promise ------- post or queue ------- record ------- answer
            refused if it    |   the answer is 200, whatever fails, and an outcome follows
            fails or is late |

        After ``OutOfTimeError`` the message is not sent, unless it is asked for again.
        """
        settings, now = self.settings, self.clock()
        to_live = settings.seconds_to_live(request.message_type)
        new = steps.new_message(request, hash_key, to_live, is_queued=settings.is_queued, now=now)
        opted_out = None
        if not settings.is_queued and request.message_type in settings.opt_out_message_types:
            # It is looked up while the message is claimed.
            person = request.sub_account_id, new.recipient_hash
            opted_out = background.start(partial(self.opt_outs.is_opted_out, person))
        window = settings.duplicate_window_seconds
        key = claim_key(request, window_seconds=window, hash_key=hash_key)
        claimed = claim(new, key, now, self.messages.create)
        message = claimed.message
        if not claimed.won:
            logger.info(
                "repeat caught", **message_fields(message), **metric_fields({Metric.DUPLICATES: 1})
            )
            return self._repeat(steps.with_recipient(message, new), request, answer_time)
        figures: steps.Figures = {Metric.ACCEPTED: 1, Metric.ESTIMATED_SEGMENTS: message.segments}
        try:
            answer_time.promise(message)
        except OutOfTimeError:
            if not settings.is_queued:
                self._record(message, _NOT_TRIED, State.WAITING)
            raise
        if settings.is_queued:
            if not self._queue(message, request):
                return self._resolve(message, request, _NOT_QUEUED, figures)
            logger.info("message queued", **message_fields(message), **metric_fields(figures))
            return message
        result = self._refused_by(opted_out) or self._post(request, message, answer_time, figures)
        return self._resolve(message, request, result, figures)

    def _repeat(
        self, first: Message, request: MessageRequest, answer_time: AnswerTime[Message]
    ) -> Message:
        """Return the message that was claimed first, as it is known once its sender is done."""
        answer_time.promise(first)
        sender_is_done = first.accepted_at + ANSWER_SECONDS
        while (
            first.state is State.SENDING
            and self.clock() < sender_is_done
            and answer_time.left() >= _SECONDS_TO_RECORD + _SECONDS_BETWEEN_LOOKS
        ):
            self.sleep(_SECONDS_BETWEEN_LOOKS)
            first = steps.with_recipient(self.messages.get(first.id) or first, first)
        if first.state is State.WAITING:
            self._queue(first, request, delay_seconds=steps.SECONDS_BEHIND_THE_FIRST)
        elif first.outcome_is_open:
            # Its sender may not have queued it: no record of it would come back.
            try:
                self.outcomes.add(first.id, delay_seconds=steps.SECONDS_BEFORE_QUEUEING_AGAIN)
            except Exception as error:
                log_failure("outcome not queued again", error, message_id=first.id)
        return first

    def _queue(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> bool:
        """Queue a message; returns whether it may be in the queue."""
        try:
            self.send_queue.add(message, request, delay_seconds=delay_seconds)
        except Exception as error:
            log_failure("message not queued", error.__cause__ or error, message_id=message.id)
            # It may be there all the same; if it is not, and is not asked for again, `reconcile`
            # reports it as expired.
            return not isinstance(error, NotQueuedError)
        return True

    @staticmethod
    def _refused_by(opted_out: "Future[bool] | None") -> SendResult | None:
        # Where nothing is sent a look-up that failed is no failure.
        try:
            return OPTED_OUT if opted_out and opted_out.result() else None
        except Exception as error:
            log_failure("opt-out not looked up", error)
            return _NOT_CHECKED

    def _post(
        self,
        request: MessageRequest,
        message: Message,
        answer_time: AnswerTime[Message],
        figures: steps.Figures,
    ) -> SendResult:
        """Send the message, and again while that is safe and in time; counts failed tries."""

        def time_left() -> float:
            return answer_time.left() - _SECONDS_TO_RECORD

        result, ambiguous = _NOT_TRIED, None
        for tries in count(1):
            if time_left() < _SECONDS_FOR_A_TRY:
                break
            if tries > 1 and result is not ambiguous:
                steps.count_attempt(figures, result)
            result = self.sender.send(request, message.id, time_left=time_left)
            if result.verdict is Verdict.AMBIGUOUS:
                ambiguous = result
            seconds_left = time_left() - _SECONDS_FOR_A_TRY
            pause = self.settings.ambiguous_send_policy.pause_before_trying_at_once(
                result, tries=tries, seconds_left=seconds_left, chance=self.chance()
            )
            if pause is None:
                break
            self.sleep(pause)
        # The last try's result does not prove that an earlier one failed.
        return result if result.verdict is Verdict.ACCEPTED else ambiguous or result

    def _resolve(
        self, message: Message, request: MessageRequest, result: SendResult, figures: steps.Figures
    ) -> Message:
        """Record the result; what may be sent again, or may have to be, goes to the queue."""
        state = self.settings.ambiguous_send_policy.state_after(result)
        if state in (State.WAITING, State.UNKNOWN):
            wait = result.wait_in_queue(tries=1, chance=self.chance())
            # First, so that no crash leaves a message that waits for nothing.
            is_queued = self._queue(message, request, delay_seconds=wait)
            if not is_queued and result.verdict is Verdict.AMBIGUOUS:
                # 8x8 may have it, so it has not failed, and it cannot be sent again.
                state = State.UNKNOWN
            elif not is_queued:
                steps.count_attempt(figures, result)
                result, state = _NOT_QUEUED, State.FAILED
        recorded = self._record(message, result, state, is_scheduled=request.is_scheduled)
        figures[Metric.SECONDS_TO_ANSWER] = steps.seconds_since(message.accepted_at, self.clock())
        steps.log_attempt(recorded, result, figures)
        return recorded.message

    def _record(
        self, message: Message, result: SendResult, state: State, *, is_scheduled: bool = False
    ) -> Recorded:
        if result.is_to_be_written(is_scheduled=is_scheduled):
            try:
                recorded = self.messages.record_result(
                    message.id, message.attempt, result, state, self.clock()
                )
                steps.queue_outcome(self.outcomes, recorded, self.clock())
                return recorded
            except Exception as error:
                # The message may be out: a refusal now would make MoEngage count it as failed.
                log_failure("result not recorded", error, message_id=message.id)
        return Recorded(result.applied_to(message, state), Effect.MOVED)
