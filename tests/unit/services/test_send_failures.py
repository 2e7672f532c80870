"""Sending a message while something fails, is slow, or ends half-way."""

import threading
from typing import Any

import pytest

from sms_bridge.domain.message import Message
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from sms_bridge.errors import NotQueuedError
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.http import Connections
from sms_bridge.services.deadline import AnswerTime, OutOfTimeError
from sms_bridge.services.send import SendMessage
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    EVER,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_request,
)
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.failures import KilledError, failing
from tests.fakes.http_server import LoopbackServer, begins_an_answer_a_byte_at_a_time
from tests.fakes.messages import InMemoryMessages
from tests.services import a_service
from tests.unit.services.sending import Bridge


class TestFailuresBetweenTheSteps:
    @pytest.mark.parametrize(
        ("result", "state"),
        [
            (ACCEPTED, State.QUEUED),
            (REFUSED, State.FAILED),
            (REJECTED, State.REJECTED),
            (AMBIGUOUS, State.UNKNOWN),
            (THROTTLED, State.WAITING),
        ],
        ids=str,
    )
    def test_what_was_posted_is_answered_even_if_that_cannot_be_recorded(
        self, result: SendResult, state: State
    ) -> None:
        bridge = Bridge(result=result)

        with failing(bridge.messages, "record_result"):
            message = bridge.send()

        assert message.state is state
        assert (message.umid, message.reason) == (result.umid, result.reason)
        assert message.encoding == "GSM7"
        assert bridge.kept(message).state is State.SENDING

    @pytest.mark.parametrize("result", [THROTTLED, NOT_SENT])
    def test_what_a_queue_certainly_does_not_have_has_failed_at_once_and_says_why(
        self, result: SendResult
    ) -> None:
        bridge = Bridge(result=result)

        with failing(bridge.send_queue, "add", error=NotQueuedError()):
            message = bridge.send()

        assert (message.state, message.reason) == (State.FAILED, "not_queued")
        kept = bridge.kept(message)
        assert kept.outcome is not None
        assert (kept.outcome.status, kept.outcome.reason) == ("FAILED", "not_queued")
        assert [one for one, _ in bridge.outcomes.queued] == [message.id]

    def test_the_same_holds_where_every_message_goes_through_a_queue(self) -> None:
        bridge = Bridge(is_queued=True)

        with failing(bridge.send_queue, "add", error=NotQueuedError()):
            message = bridge.send()

        assert (message.state, message.reason) == (State.FAILED, "not_queued")
        assert [one for one, _ in bridge.outcomes.queued] == [message.id]
        # A record that came all the same would find nothing to send.
        assert not bridge.messages.begin_attempt(message.id, bridge.clock.now).begun

    @pytest.mark.parametrize("policy", AmbiguousSendPolicy)
    def test_an_ambiguous_message_still_waits_for_proof_where_it_is_not_queued(
        self, policy: AmbiguousSendPolicy
    ) -> None:
        bridge = Bridge(ambiguous=policy, result=AMBIGUOUS)

        with failing(bridge.send_queue, "add", error=NotQueuedError()):
            message = bridge.send()

        assert bridge.kept(message).state is message.state is State.UNKNOWN
        assert bridge.kept(message).outcome is None

    @pytest.mark.parametrize("result", [THROTTLED, NOT_SENT, AMBIGUOUS])
    def test_what_may_not_be_queued_is_recorded_all_the_same(self, result: SendResult) -> None:
        bridge = Bridge(result=result)

        with failing(bridge.send_queue, "add"):
            message = bridge.send()

        assert bridge.kept(message).state is message.state
        assert [one.id for one in bridge.messages.open_messages(until=EVER)] == [message.id]

    def test_what_waits_is_in_the_queue_before_that_is_recorded(self) -> None:
        """A crash between the two leaves a record too many, and no message that nobody sends."""
        bridge = Bridge(result=NOT_SENT)

        killed = failing(bridge.messages, "record_result", error=KilledError())
        with killed, pytest.raises(KilledError):
            bridge.send()

        assert len(bridge.queued) == 1

    def test_a_repeat_of_what_was_killed_half_way_is_not_sent(self) -> None:
        def kill(_: str) -> None:
            raise KilledError

        bridge = Bridge(meanwhile=kill)
        with pytest.raises(KilledError):
            bridge.send()

        repeat = bridge.send()

        assert repeat.state is State.SENDING
        assert len(bridge.eightx8.sent) == 1


class TestTime:
    def test_promise_8_what_was_answered_as_not_sent_is_not_sent(
        self,
    ) -> None:
        bridge = Bridge()
        answer_time = AnswerTime[Message](0)
        is_over, is_done = threading.Event(), threading.Event()
        errors: list[Any] = []

        def work() -> Message:
            assert is_over.wait(10)
            try:
                return bridge.send(answer_time)
            except OutOfTimeError as error:
                errors.append(error)
                raise
            finally:
                is_done.set()

        with pytest.raises(OutOfTimeError):
            answer_time.run(work)
        is_over.set()
        assert is_done.wait(10)

        assert len(errors) == 1
        assert (bridge.eightx8.sent, bridge.queued, bridge.outcomes.queued) == ([], [], [])
        (kept,) = bridge.messages.messages.values()
        assert (kept.state, kept.reason) == (State.WAITING, "out_of_time")
        repeat = bridge.send()
        assert (repeat.id, bridge.queued) == (kept.id, [(kept.id, 30)])

    def test_a_server_that_never_ends_its_answer_holds_up_nobody(self) -> None:
        messages = InMemoryMessages()
        is_done = threading.Event()
        with LoopbackServer(begins_an_answer_a_byte_at_a_time) as server:
            step = a_service(
                SendMessage,
                messages=messages,
                sender=EightX8(Connections(server.url, connect_timeout=2.0), RotatingKeys()),
            )
            answer_time = AnswerTime[Message](1.0)

            def work() -> Message:
                try:
                    return step(a_request(), hash_key="k", answer_time=answer_time)
                finally:
                    is_done.set()

            promised = answer_time.run(work)

        assert promised.state is State.SENDING
        assert is_done.wait(10)
        assert len(server.received) == 1
        kept = messages.get(promised.id)
        assert kept is not None
        assert (kept.state, kept.reason) == (State.UNKNOWN, "eightx8_unreadable_answer")
