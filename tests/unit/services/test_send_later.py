"""Sending a message that 8x8 does not take at once, or that is not to be sent at once."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from sms_bridge.domain.message import Message, MessageType
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from sms_bridge.services.deadline import AnswerTime, OutOfTimeError
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NOT_SENT,
    NUMBER,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_person,
    a_request,
    plain,
)
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.unit.services.sending import Bridge


class TestTryingAgain:
    @pytest.mark.parametrize(
        ("results", "tries", "state"),
        [
            ([NOT_SENT, ACCEPTED], 2, State.QUEUED),
            ([NOT_SENT, NOT_SENT, ACCEPTED], 3, State.QUEUED),
            ([NOT_SENT] * 4, 3, State.WAITING),
            ([THROTTLED, ACCEPTED], 2, State.QUEUED),
            ([THROTTLED] * 4, 3, State.WAITING),
            ([NOT_SENT, AMBIGUOUS, ACCEPTED], 2, State.UNKNOWN),
            ([NOT_SENT, REFUSED, ACCEPTED], 2, State.FAILED),
            ([AMBIGUOUS, ACCEPTED], 1, State.UNKNOWN),
            ([REJECTED, ACCEPTED], 1, State.REJECTED),
        ],
        ids=str,
    )
    def test_at_once_only_while_8x8_is_proven_not_to_have_it(
        self, results: list[SendResult], tries: int, state: State
    ) -> None:
        bridge = Bridge(results=list(results))

        message = bridge.send()

        assert len(bridge.eightx8.sent) == tries
        assert len(set(bridge.eightx8.sent_ids)) == 1
        assert message.state is state

    def test_under_resend_an_ambiguous_message_is_sent_again(self) -> None:
        bridge = Bridge(ambiguous="resend", results=[AMBIGUOUS, ACCEPTED])

        assert bridge.send().state is State.QUEUED
        assert len(bridge.eightx8.sent) == 2

    def test_it_is_not_tried_again_where_there_is_no_time(self) -> None:
        bridge = Bridge(result=NOT_SENT)

        message = bridge.send(AnswerTime(0.9, bridge.clock))

        assert (message.state, len(bridge.eightx8.sent)) == (State.WAITING, 1)
        assert bridge.queued == [(message.id, 5)]

    def test_what_has_no_time_at_all_waits_without_a_try(self) -> None:
        bridge = Bridge()

        message = bridge.send(AnswerTime(0.6, bridge.clock))

        assert (message.state, message.reason) == (State.WAITING, "out_of_time")
        assert bridge.eightx8.sent == []
        assert bridge.queued == [(message.id, 5)]

    @pytest.mark.parametrize(
        ("retry_after", "tries", "wait"), [(2.0, 2, 5), (60.0, 1, 60), (7200.0, 1, 900)]
    )
    def test_it_waits_for_as_long_as_8x8_asks(
        self, retry_after: float, tries: int, wait: int
    ) -> None:
        bridge = Bridge(result=replace(THROTTLED, retry_after=retry_after))

        message = bridge.send()

        assert len(bridge.eightx8.sent) == tries
        assert bridge.queued == [(message.id, wait)]

    @pytest.mark.parametrize("result", [NOT_SENT, THROTTLED])
    def test_what_waits_has_its_text_in_the_queue_and_nothing_is_reported_yet(
        self, result: SendResult
    ) -> None:
        bridge = Bridge(result=result)

        message = bridge.send(source="Acme", text="Anything")

        [(queued, request, delay)] = bridge.send_queue.queued
        assert (queued.id, delay) == (message.id, 5)
        assert plain(request) == plain(a_request(source="Acme", text="Anything"))
        assert bridge.kept(message).state is State.WAITING
        assert bridge.outcomes.queued == []

    def test_an_ambiguous_message_is_in_the_queue_too_in_case_8x8_proves_not_to_have_it(
        self,
    ) -> None:
        bridge = Bridge(result=AMBIGUOUS)

        message = bridge.send()

        assert (message.state, bridge.queued) == (State.UNKNOWN, [(message.id, 5)])


class TestTheQueuedMode:
    def test_every_message_goes_to_the_queue(self) -> None:
        bridge = Bridge(is_queued=True)

        message = bridge.send(message_type=MessageType.TRANSACTIONAL)

        assert plain(bridge.send_queue.queued) == plain(
            [(message, a_request(message_type=MessageType.TRANSACTIONAL), 0)]
        )
        assert (message.state, message.attempt, message.attempt_at) == (State.WAITING, 0, 0.0)
        assert plain(bridge.kept(message)) == plain(message)
        assert bridge.eightx8.sent == []

    def test_a_repeat_has_the_same_id(self) -> None:
        bridge = Bridge(is_queued=True)
        first = bridge.send()

        assert plain(bridge.send()) == plain(first)
        assert bridge.queued == [(first.id, 0), (first.id, 30)]

    def test_a_repeat_for_somebody_who_was_forgotten_still_finds_that_they_opted_out(self) -> None:
        bridge = Bridge(is_queued=True)
        first = bridge.send()
        bridge.messages.messages[first.id] = replace(first, destination="", recipient_hash="")

        bridge.send()

        [(before, *_), (after, *_)] = bridge.send_queue.queued
        assert plain(after) == plain(before)
        assert (after.sub_account_id, after.recipient_hash) == a_person()

    def test_promise_8_what_may_be_in_the_queue_is_never_refused(self) -> None:
        """SQS may have taken it although its answer was lost."""
        bridge = Bridge(is_queued=True)

        with failing(bridge.send_queue, "add"):
            first = bridge.send()
            repeat = bridge.send()

        assert first.state is State.WAITING
        assert plain(repeat) == plain(first)

        assert plain(bridge.send()) == plain(first)
        assert bridge.queued == [(first.id, 30)]

    def test_promise_8_a_refusal_is_true_what_is_out_of_time_is_not_queued(self) -> None:
        bridge = Bridge(is_queued=True)
        answer_time: AnswerTime[Message] = AnswerTime(0.0, bridge.clock)
        with pytest.raises(OutOfTimeError):
            answer_time.run(threading.Event().wait)  # type: ignore[arg-type]

        with pytest.raises(OutOfTimeError):
            bridge.send(answer_time)

        assert bridge.queued == []


class TestOptOuts:
    def bridge(self, *, opt_out_types: str = "promotional", is_queued: bool = False) -> Bridge:
        bridge = Bridge(opt_out_types=opt_out_types, is_queued=is_queued)
        bridge.opt_outs.record(a_person(NUMBER.strip("+")), OptRequest.OPT_OUT, bridge.clock.now)
        return bridge

    def test_a_person_who_opted_out_is_not_texted_and_the_reason_is_reported(self) -> None:
        bridge = self.bridge()

        message = bridge.send()

        assert (message.state, message.reason) == (State.FAILED, "opted_out")
        assert bridge.eightx8.sent == []
        assert bridge.queued == []
        assert bridge.outcomes.queued == [(message.id, 6)]

    @pytest.mark.parametrize(
        "changes",
        [
            {"destination": NUMBER + "1"},
            {"message_type": MessageType.TRANSACTIONAL},
        ],
        ids=str,
    )
    def test_another_message_is_sent(self, changes: dict[str, Any]) -> None:
        bridge = self.bridge()

        assert bridge.send(None, **changes).state is State.QUEUED

    def test_where_nobody_heeds_them_nobody_looks(self) -> None:
        bridge = self.bridge(opt_out_types="")

        with failing(bridge.opt_outs, "is_opted_out"):
            assert bridge.send().state is State.QUEUED

    def test_what_cannot_be_looked_up_waits(self, logged: WrittenLog) -> None:
        bridge = self.bridge()

        with failing(bridge.opt_outs, "is_opted_out"):
            message = bridge.send()

        assert (message.state, message.reason) == (State.WAITING, "opt_out_unknown")
        assert bridge.eightx8.sent == []
        assert bridge.queued == [(message.id, 5)]
        assert "ConnectionError" in logged.text

    def test_what_is_queued_is_looked_up_when_it_is_sent(self) -> None:
        bridge = self.bridge(is_queued=True)

        assert bridge.send().state is State.WAITING
