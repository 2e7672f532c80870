"""Sending a message: claim, post or queue, record; also while something fails or is slow."""

import itertools
import threading
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.attempt import AmbiguousSendPolicy, Effect, SendResult
from sms_bridge.domain.message import Message, MessageType, State, is_message_id
from sms_bridge.domain.opt_out import OptRequest
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
    NUMBER,
    REFUSED,
    REJECTED,
    SUB_ACCOUNT,
    TEXT,
    THROTTLED,
    UMID,
    a_person,
    a_request,
    plain,
)
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.failures import KilledError, failing
from tests.fakes.http_server import LoopbackServer, begins_an_answer_a_byte_at_a_time
from tests.fakes.logs import WrittenLog
from tests.fakes.messages import InMemoryMessages
from tests.services import TO_LIVE, a_service
from tests.unit.services.sending import Bridge


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


# What 8x8 said; the state then; the delays with which the message and its outcome are queued.
ENDS = {
    "accepted": (ACCEPTED, State.QUEUED, [], []),
    "ambiguous": (AMBIGUOUS, State.UNKNOWN, [5], []),
    "throttled": (THROTTLED, State.WAITING, [5], []),
    "not sent": (NOT_SENT, State.WAITING, [5], []),
    "rejected": (REJECTED, State.REJECTED, [], [6]),
    "refused": (REFUSED, State.FAILED, [], [6]),
}


class TestTheFirstTime:
    @pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "not recorded"])
    @pytest.mark.parametrize(("result", "state", "sent_again", "reported"), ENDS.values(), ids=ENDS)
    def test_its_end_is_answered_recorded_and_reported_or_it_is_sent_again(
        self,
        result: SendResult,
        state: State,
        sent_again: list[int],
        reported: list[int],
        is_recorded: bool,
    ) -> None:
        bridge = Bridge(result=result)

        with nullcontext() if is_recorded else failing(bridge.messages, "record_result"):
            message = bridge.send(source="Acme")

        assert (message.state, message.reason, message.umid) == (state, result.reason, result.umid)
        assert bridge.queued == [(message.id, delay) for delay in sent_again]
        for _, request, _ in bridge.send_queue.queued:
            assert plain(request) == plain(a_request(source="Acme"))
        # When MoEngage knows the id.
        assert bridge.outcomes.queued == [(message.id, delay) for delay in reported if is_recorded]
        if not is_recorded:
            assert (message.encoding, bridge.kept(message).state) == ("GSM7", State.SENDING)
        elif result is not ACCEPTED:
            assert plain(bridge.kept(message)) == plain(message)
            assert message.answered_at == bridge.clock.now

    @pytest.mark.parametrize("result", [THROTTLED, NOT_SENT, AMBIGUOUS], ids=str)
    def test_it_is_recorded_although_it_may_not_be_queued(self, result: SendResult) -> None:
        bridge = Bridge(result=result)

        with failing(bridge.send_queue, "add"):
            message = bridge.send()

        assert bridge.kept(message).state is message.state
        assert [one.id for one in bridge.messages.open_messages(until=EVER)] == [message.id]

    def test_a_message_is_posted_once_under_its_id(self, bridge: Bridge) -> None:
        message = bridge.send()

        assert is_message_id(message.id)
        assert bridge.eightx8.sent == [
            {
                "sub_account_id": SUB_ACCOUNT,
                "destination": NUMBER,
                "text": TEXT,
                "clientMessageId": message.id,
            }
        ]
        assert (message.state, message.umid) == (State.QUEUED, UMID)
        assert bridge.outcomes.queued == bridge.queued == []
        # That 8x8 accepted it is answered and not recorded.
        kept = bridge.kept(message)
        assert (kept.state, kept.umid, kept.answered_at) == (State.SENDING, "", 0.0)
        assert kept.attempt_at == bridge.clock.now

    def test_of_a_scheduled_message_it_is_recorded_that_8x8_accepted_it(
        self, bridge: Bridge
    ) -> None:
        message = bridge.send(options={"scheduled": "2026-12-24T18:00:00Z"})

        assert bridge.kept(message).state is State.QUEUED

    def test_what_the_caller_gave_is_kept_but_for_the_text(self, bridge: Bridge) -> None:
        message = bridge.send(
            text="ж" * 71,
            source="Acme",
            campaign_id="c-1",
            dlt_template_id="d-1",
            client_message_id="theirs",
        )

        assert (message.destination, message.sub_account_id) == (NUMBER, SUB_ACCOUNT)
        assert (message.source, message.campaign_id) == ("Acme", "c-1")
        assert (message.dlt_template_id, message.client_message_id) == ("d-1", "theirs")
        assert message.accepted_at == bridge.clock.now
        assert (message.attempt, message.attempt_at) == (1, bridge.clock.now)
        assert message.send_before == bridge.clock.now + TO_LIVE
        assert "ж" not in str(vars(bridge.messages))

    def test_the_size_is_an_estimate_until_8x8_reports_it(self) -> None:
        bridge = Bridge(result=AMBIGUOUS)

        message = bridge.send(text="a" * 71, options={"encoding": "UCS2"})

        assert (message.encoding, message.segments) == ("UCS2", 2)

    def test_8x8_gets_the_time_that_is_left_but_for_what_recording_takes(self) -> None:
        bridge = Bridge()

        bridge.send(AnswerTime(3.0, bridge.clock))

        assert bridge.eightx8.seconds_given == [pytest.approx(2.7)]


def test_what_8x8_throttled_is_counted_also_where_the_next_try_succeeded(
    logged: WrittenLog,
) -> None:
    bridge = Bridge(results=[THROTTLED, ACCEPTED])
    fixed = bridge.send(AnswerTime(3.6, bridge.clock))
    bridge.eightx8.results = [THROTTLED] * 3
    bridge.send(AnswerTime(3.6, bridge.clock), text="another")

    assert fixed.state is State.QUEUED
    assert [line["Throttled"] for line in logged.lines] == [1, 3]


class TestARepeat:
    def test_without_a_window_each_message_is_new(self) -> None:
        bridge = Bridge(duplicate_window=0)

        assert bridge.send().id != bridge.send().id
        assert len(bridge.eightx8.sent) == 2

    def test_its_answer_names_the_number_though_the_person_was_forgotten(self) -> None:
        bridge = Bridge()
        first = bridge.send()
        bridge.messages.messages[first.id] = replace(first, destination="", recipient_hash="")

        assert bridge.send().destination == NUMBER

    def test_it_waits_while_the_first_is_under_way(self, bridge: Bridge) -> None:
        repeats = []

        def answer_comes(seconds: float) -> None:
            bridge.clock.sleep(seconds)
            if bridge.clock.now >= 1_795_000_001:
                bridge.messages.record_result(
                    bridge.eightx8.sent_ids[0], 1, ACCEPTED, State.QUEUED, bridge.clock.now
                )

        def repeat(_: str) -> None:
            bridge.sleep = answer_comes
            repeats.append(bridge.send())

        bridge.eightx8.meanwhile = repeat
        first = bridge.send()

        assert [(one.id, one.state, one.umid) for one in repeats] == [
            (first.id, State.QUEUED, UMID)
        ]
        assert len(bridge.eightx8.sent) == 1

    def test_it_does_not_wait_longer_than_the_caller(self, bridge: Bridge) -> None:
        repeats = []
        bridge.eightx8.meanwhile = lambda _: repeats.append(bridge.send())

        started = bridge.clock.now
        first = bridge.send()

        assert [(one.id, one.state) for one in repeats] == [(first.id, State.SENDING)]
        assert 3.0 < bridge.clock.now - started < 3.6

    @pytest.mark.parametrize("result", [THROTTLED, NOT_SENT])
    def test_while_the_first_waits_it_brings_the_text_once_more(self, result: SendResult) -> None:
        """The record of the first may have got lost."""
        bridge = Bridge(result=result)
        first = bridge.send()

        repeat = bridge.send()

        assert (repeat.id, repeat.state) == (first.id, State.WAITING)
        assert bridge.queued == [(first.id, 5), (first.id, 30)]

    def test_it_does_not_wait_for_a_sender_that_has_had_its_time(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        first = bridge.send()
        bridge.clock.sleep(4)
        asked_at = bridge.clock.now

        repeat = bridge.send()

        assert (repeat.id, repeat.state) == (first.id, State.SENDING)
        assert bridge.clock.now == asked_at
        assert bridge.queued == []
        assert [line.get("DuplicatesCaught") for line in logged.lines] == [None, 1]

    @pytest.mark.parametrize("result", [REFUSED, REJECTED])
    def test_once_it_is_known_what_became_of_the_first_only_an_open_outcome_is_queued(
        self, result: SendResult
    ) -> None:
        """The first may have ended, or SQS failed, before its outcome was queued."""
        bridge = Bridge(result=result)

        first = bridge.send()

        assert plain(bridge.send()) == plain(first)
        assert bridge.queued == []
        queued = [(first.id, 6), (first.id, 60)]
        assert bridge.outcomes.queued == queued
        assert first.outcome is not None
        bridge.messages.record_reported(first.id, first.outcome, bridge.clock.now)
        bridge.send()
        assert bridge.outcomes.queued == queued

    def test_a_repeat_is_answered_although_the_outcome_cannot_be_queued(self) -> None:
        bridge = Bridge(result=REJECTED)
        first = bridge.send()

        with failing(bridge.outcomes, "add"):
            assert bridge.send().id == first.id

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["one", "two"]), st.integers(0, 200), st.booleans(), st.booleans()
            ),
            max_size=12,
        )
    )
    def test_no_message_leaves_twice_within_its_window(
        self, timeline: list[tuple[str, int, bool, bool]]
    ) -> None:
        """Whatever came of the first, and also if its function was killed half-way."""
        bridge = Bridge()
        left: dict[str, list[float]] = {"one": [], "two": []}
        is_killed = False

        def leave(_: str) -> None:
            left[text].append(bridge.clock.now)
            if is_killed:
                raise KilledError

        bridge.eightx8.meanwhile = leave
        for text, pause, is_killed, is_taken in timeline:
            bridge.eightx8.result = ACCEPTED if is_taken else AMBIGUOUS
            try:
                bridge.send(text=text)
            except KilledError:
                assert is_killed
            bridge.clock.sleep(pause)

        for times in left.values():
            assert all(later - earlier >= 120 for earlier, later in itertools.pairwise(times))


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

    @pytest.mark.parametrize(
        ("second", "state"), [(ACCEPTED, State.QUEUED), (REFUSED, State.WAITING)]
    )
    def test_under_resend_an_ambiguous_message_is_sent_again_and_a_refusal_proves_nothing(
        self, second: SendResult, state: State
    ) -> None:
        bridge = Bridge(ambiguous="resend", results=[AMBIGUOUS, second])

        assert bridge.send().state is state
        assert len(bridge.eightx8.sent) == 2

    # 8x8 gets 0.3 seconds less; a try takes half a second, and the first pause 0.2.
    @pytest.mark.parametrize(("seconds", "tries"), [(1.1, 2), (0.9, 1), (0.6, 0)])
    def test_it_waits_where_there_is_no_time_for_a_try(
        self, seconds: float, tries: int, logged: WrittenLog
    ) -> None:
        bridge = Bridge(result=NOT_SENT)
        began = bridge.clock.now

        message = bridge.send(AnswerTime(seconds, bridge.clock))

        assert len(bridge.eightx8.sent) == tries
        assert bridge.clock.now - began == pytest.approx(0.2 if tries == 2 else 0)
        assert [line.get("EightX8Unavailable", 0) for line in logged.lines] == [tries]
        reason = NOT_SENT.reason if tries else "out_of_time"
        assert (message.state, message.reason) == (State.WAITING, reason)
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


class TestTheQueuedMode:
    def test_every_message_goes_to_the_queue(self) -> None:
        bridge = Bridge(dispatch_mode="queued")

        message = bridge.send(message_type=MessageType.TRANSACTIONAL)

        assert plain(bridge.send_queue.queued) == plain(
            [(message, a_request(message_type=MessageType.TRANSACTIONAL), 0)]
        )
        assert (message.state, message.attempt, message.attempt_at) == (State.WAITING, 0, 0.0)
        assert plain(bridge.kept(message)) == plain(message)
        assert bridge.eightx8.sent == []

    def test_a_repeat_has_the_same_id(self) -> None:
        bridge = Bridge(dispatch_mode="queued")
        first = bridge.send()

        assert plain(bridge.send()) == plain(first)
        assert bridge.queued == [(first.id, 0), (first.id, 30)]

    def test_a_repeat_for_somebody_who_was_forgotten_still_finds_that_they_opted_out(self) -> None:
        bridge = Bridge(dispatch_mode="queued")
        first = bridge.send()
        bridge.messages.messages[first.id] = replace(first, destination="", recipient_hash="")

        bridge.send()

        [(before, *_), (after, *_)] = bridge.send_queue.queued
        assert plain(after) == plain(before)
        assert (after.sub_account_id, after.recipient_hash) == a_person()

    def test_promise_8_what_may_be_in_the_queue_is_never_refused(self) -> None:
        """SQS may have taken it although its answer was lost."""
        bridge = Bridge(dispatch_mode="queued")

        with failing(bridge.send_queue, "add"):
            first = bridge.send()
            repeat = bridge.send()

        assert first.state is State.WAITING
        assert plain(repeat) == plain(first)

        assert plain(bridge.send()) == plain(first)
        assert bridge.queued == [(first.id, 30)]

    def test_promise_8_a_refusal_is_true_what_is_out_of_time_is_not_queued(self) -> None:
        bridge = Bridge(dispatch_mode="queued")
        answer_time: AnswerTime[Message] = AnswerTime(0.0, bridge.clock)
        with pytest.raises(OutOfTimeError):
            answer_time.run(threading.Event().wait)  # type: ignore[arg-type]

        with pytest.raises(OutOfTimeError):
            bridge.send(answer_time)

        assert bridge.queued == []


class TestOptOuts:
    @pytest.mark.parametrize(
        ("chosen", "changes", "fails", "state", "reason"),
        [
            ({}, {}, False, State.FAILED, "opted_out"),
            ({}, {}, True, State.WAITING, "opt_out_unknown"),
            ({}, {"destination": NUMBER + "1"}, False, State.QUEUED, ""),
            ({}, {"message_type": MessageType.TRANSACTIONAL}, True, State.QUEUED, ""),
            ({"opt_out_types": ""}, {}, True, State.QUEUED, ""),
            # It is looked up when it is sent.
            ({"dispatch_mode": "queued"}, {}, True, State.WAITING, ""),
        ],
        ids=["out", "cannot be looked up", "another person", "another type", "ignored", "queued"],
    )
    def test_a_person_who_opted_out_is_not_texted_and_the_reason_is_reported(
        self,
        chosen: dict[str, Any],
        changes: dict[str, Any],
        fails: bool,
        state: State,
        reason: str,
        logged: WrittenLog,
    ) -> None:
        bridge = Bridge(**{"opt_out_types": "promotional", **chosen})
        bridge.opt_outs.record(a_person(NUMBER.strip("+")), OptRequest.OPT_OUT, bridge.clock.now)

        with failing(bridge.opt_outs, "is_opted_out") if fails else nullcontext():
            message = bridge.send(None, **changes)

        assert (message.state, message.reason) == (state, reason)
        assert len(bridge.eightx8.sent) == (state is State.QUEUED)
        assert len(bridge.queued) == (state is State.WAITING)
        assert bridge.outcomes.queued == [(message.id, 6)] * (state is State.FAILED)
        assert ("ConnectionError" in logged.text) is (reason == "opt_out_unknown")

    def test_a_look_up_that_fails_is_no_failure_of_a_repeat_that_sends_nothing(
        self, logged: WrittenLog
    ) -> None:
        bridge = Bridge(opt_out_types="promotional")
        bridge.send()

        with failing(bridge.opt_outs, "is_opted_out"):
            bridge.send()

        assert [line["message"] for line in logged.lines] == ["message sent", "repeat caught"]


class TestFailuresBetweenTheSteps:
    @pytest.mark.parametrize(
        "chosen",
        [{"result": THROTTLED}, {"result": NOT_SENT}, {"dispatch_mode": "queued"}],
        ids=str,
    )
    def test_what_a_queue_certainly_does_not_have_has_failed_at_once_and_says_why(
        self, chosen: dict[str, Any]
    ) -> None:
        bridge = Bridge(**chosen)

        with failing(bridge.send_queue, "add", error=NotQueuedError()):
            message = bridge.send()

        assert (message.state, message.reason) == (State.FAILED, "not_queued")
        outcome = bridge.kept(message).outcome
        assert outcome is not None
        assert (outcome.status, outcome.reason) == ("FAILED", "not_queued")
        assert [one for one, _ in bridge.outcomes.queued] == [message.id]
        # A record that came all the same would find nothing to send.
        begun = bridge.messages.begin_attempt(message.id, bridge.clock.now)
        assert begun.effect is Effect.LATE

    @pytest.mark.parametrize("policy", AmbiguousSendPolicy)
    def test_an_ambiguous_message_still_waits_for_proof_where_it_is_not_queued(
        self, policy: AmbiguousSendPolicy
    ) -> None:
        bridge = Bridge(ambiguous=policy, result=AMBIGUOUS)

        with failing(bridge.send_queue, "add", error=NotQueuedError()):
            message = bridge.send()

        assert bridge.kept(message).state is message.state is State.UNKNOWN
        assert bridge.kept(message).outcome is None

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
    def test_promise_8_what_was_answered_as_not_sent_is_not_sent(self, bridge: Bridge) -> None:
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
