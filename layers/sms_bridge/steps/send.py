"""Sends a message: claim, post, record."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from sms_bridge.clock import Clock, timestamp
from sms_bridge.logs import log_failure, logger
from sms_bridge.rules.duplicates import claim_key
from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.message_ids import NewId, new_message_id
from sms_bridge.rules.messages import Message, MessageRequest
from sms_bridge.rules.phone_numbers import keyed_hash, masked
from sms_bridge.rules.segments import segments_of
from sms_bridge.rules.send_results import SendResult, Verdict
from sms_bridge.steps.answer_time import AnswerTime, OutOfTimeError
from sms_bridge.steps.queueing import queue_outcome
from sms_bridge.storage.messages import MessageStore
from sms_bridge.storage.outcome_queue import OutcomeQueue

# Kept back from the time for 8x8, to write down what it said.
_SECONDS_TO_RECORD = 0.3

_SECONDS_BETWEEN_LOOKS = 0.1

_TOO_LATE = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="out_of_time",
    description="The message could not be sent within the time for an answer",
)


class Sender(Protocol):
    """Sends one message, as :class:`sms_bridge.web.eightx8.EightX8` does."""

    def send(
        self, request: MessageRequest, message_id: str, *, time_left: Callable[[], float]
    ) -> SendResult:
        """Send it once."""


class SendMessage:
    """Sends a message that was asked for, unless it repeats another one.

    Parameters
    ----------
    duplicate_window
        Seconds; 0 for none.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        outcomes: OutcomeQueue,
        sender: Sender,
        duplicate_window: int,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        new_id: NewId = new_message_id,
    ) -> None:
        self._messages = messages
        self._outcomes = outcomes
        self._sender = sender
        self._duplicate_window = duplicate_window
        self._clock = clock
        self._sleep = sleep
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
        """
        message = self._new_message(request)
        key = claim_key(request, window_seconds=self._duplicate_window, hash_key=hash_key)
        claim = self._messages.claim(message, key, self._clock())
        recipient: dict[str, Any] = {
            "recipient": masked(request.destination),
            "recipient_hash": keyed_hash(request.destination, hash_key),
        }
        if not claim.won:
            logger.info("repeat caught", message_id=claim.message_id, **recipient)
            return self._first_of(claim.message_id, message, answer_time)
        try:
            answer_time.promise(message)
        except OutOfTimeError:
            result = _TOO_LATE
        else:
            result = self._sender.send(
                request, message.id, time_left=lambda: answer_time.left() - _SECONDS_TO_RECORD
            )
        logger.info(
            "message sent" if result.verdict is Verdict.ACCEPTED else "message not sent",
            message_id=message.id,
            campaign_id=message.campaign_id,
            sub_account_id=message.sub_account_id,
            verdict=result.verdict,
            reason=result.reason,
            http_status=result.http_status,
            umid=result.umid,
            eightx8_code=result.eightx8_code,
            eightx8_error_id=result.eightx8_error_id,
            **recipient,
        )
        return self._record(message, result)

    def _new_message(self, request: MessageRequest) -> Message:
        segments = segments_of(request.text, request.options.get("encoding", "AUTO"))
        return Message(
            id=self._new_id(),
            state=State.SENDING,
            sub_account_id=request.sub_account_id,
            destination=request.destination,
            source=request.source or "",
            client_message_id=request.client_message_id or "",
            campaign_id=request.campaign_id or "",
            dlt_template_id=request.dlt_template_id or "",
            encoding=segments.encoding,
            segments=segments.count,
            accepted_at=timestamp(self._clock()),
        )

    def _record(self, message: Message, result: SendResult) -> Message:
        try:
            recorded = self._messages.record_result(message.id, result, timestamp(self._clock()))
            queue_outcome(self._outcomes, recorded, self._clock())
        except Exception as error:
            # The message may be out: a refusal now would make MoEngage count it as failed.
            log_failure("result not recorded", error, message_id=message.id)
            return replace(
                message,
                state=result.state,
                umid=result.umid,
                encoding=result.encoding or message.encoding,
                reason=result.reason,
                description=result.description,
            )
        return recorded.message

    def _first_of(
        self, message_id: str, repeat: Message, answer_time: AnswerTime[Message]
    ) -> Message:
        """Return the message that was claimed first, once it is known what became of it."""
        pending = replace(repeat, id=message_id)
        while True:
            first = self._messages.get(message_id) or pending
            out_of_time = answer_time.left() < _SECONDS_TO_RECORD + _SECONDS_BETWEEN_LOOKS
            if first.state is not State.SENDING or out_of_time:
                return first
            self._sleep(_SECONDS_BETWEEN_LOOKS)
