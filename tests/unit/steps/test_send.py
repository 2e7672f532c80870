"""Sending a message: claim, post, record."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import Message, Outcome, Told
from sms_bridge.rules.send_results import SendResult
from sms_bridge.steps.answer_time import AnswerTime, OutOfTimeError
from sms_bridge.steps.send import SendMessage
from sms_bridge.web.connections import Connections
from sms_bridge.web.eightx8 import EightX8
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NUMBER,
    REFUSED,
    REJECTED,
    SUB_ACCOUNT,
    UMID,
    a_receipt,
    a_request,
)
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.failures import failing
from tests.fakes.http_server import LoopbackServer, answers_a_byte_at_a_time
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemoryOutcomes
from tests.unit.steps.sending import FIRST, SECOND, Bridge


class KilledError(Exception):
    """Stands for a function that ends in the middle of its work."""


class TestTheFirstTime:
    def test_a_message_is_posted_once_under_its_id_and_recorded(self) -> None:
        bridge = Bridge()

        message = bridge.send()

        assert bridge.eightx8.sent == [(a_request(), FIRST)]
        assert (message.id, message.state, message.umid) == (FIRST, State.QUEUED, UMID)
        assert bridge.messages.get(FIRST) == message
        assert bridge.outcomes.queued == []

    def test_what_the_caller_gave_is_kept_but_for_the_text(self) -> None:
        bridge = Bridge()

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
        assert (message.accepted_at, message.answered_at) == (bridge.clock.text,) * 2
        assert "ж" not in str(vars(bridge.messages))

    def test_the_size_is_an_estimate_until_8x8_tells_it(self) -> None:
        bridge = Bridge(result=AMBIGUOUS)

        message = bridge.send(text="a" * 71, options={"encoding": "UCS2"})

        assert (message.encoding, message.segments) == ("UCS2", 2)

    @pytest.mark.parametrize(
        ("result", "state", "is_failure"),
        [
            (ACCEPTED, State.QUEUED, False),
            (AMBIGUOUS, State.UNKNOWN, False),
            (REJECTED, State.REJECTED, True),
            (REFUSED, State.FAILED, True),
        ],
        ids=["accepted", "ambiguous", "rejected", "refused"],
    )
    def test_what_8x8_did_not_take_is_told_once_moengage_knows_the_id(
        self, result: SendResult, state: State, is_failure: bool
    ) -> None:
        bridge = Bridge(result=result)

        message = bridge.send()

        assert (message.state, message.reason) == (state, result.reason)
        assert bridge.outcomes.queued == ([(FIRST, 6)] if is_failure else [])

    def test_8x8_gets_the_time_that_is_left_but_for_what_recording_takes(self) -> None:
        bridge = Bridge()

        bridge.send(AnswerTime(3.0, bridge.clock))

        assert bridge.eightx8.seconds_given == [pytest.approx(2.7)]

    def test_a_receipt_that_comes_before_the_answer_is_not_undone_by_it(self) -> None:
        def deliver(message_id: str) -> None:
            bridge.messages.record_receipt(
                message_id, a_receipt("delivered"), Outcome(Told.DELIVERED)
            )

        bridge = Bridge(meanwhile=deliver)

        message = bridge.send()

        assert (message.state, message.umid) == (State.DELIVERED, UMID)
        assert [queued for queued, _ in bridge.outcomes.queued] == [FIRST]


class TestARepeat:
    def test_it_gets_the_first_ones_answer_and_is_not_sent(self) -> None:
        bridge = Bridge()
        first = bridge.send()
        bridge.clock.sleep(119)

        assert bridge.send() == first
        assert len(bridge.eightx8.sent) == 1

    @pytest.mark.parametrize("destination", [NUMBER, NUMBER.removeprefix("+")])
    def test_it_is_known_however_the_number_is_written(self, destination: str) -> None:
        bridge = Bridge()
        bridge.send()

        assert bridge.send(destination=destination).id == FIRST

    def test_after_the_window_it_is_a_new_message(self) -> None:
        bridge = Bridge()
        bridge.send()
        bridge.clock.sleep(120)

        assert bridge.send().id == SECOND
        assert len(bridge.eightx8.sent) == 2

    def test_without_a_window_each_message_is_new(self) -> None:
        bridge = Bridge(window=0)

        assert [bridge.send().id, bridge.send().id] == [FIRST, SECOND]

    @pytest.mark.parametrize("name", ["client_message_id", "idempotency_key"])
    def test_a_named_message_is_known_for_ever(self, name: str) -> None:
        bridge = Bridge(window=0)
        bridge.send(None, **{name: "theirs"})
        bridge.clock.sleep(86_400)

        assert bridge.send(None, **{name: "theirs"}).id == FIRST

    def test_it_hears_of_a_refusal_as_the_first_one_did(self) -> None:
        bridge = Bridge(result=REFUSED)
        bridge.send()

        repeat = bridge.send()

        assert (repeat.state, repeat.reason) == (State.FAILED, REFUSED.reason)
        assert len(bridge.outcomes.queued) == 1

    def test_it_waits_while_the_first_is_under_way(self) -> None:
        bridge = Bridge()
        repeats = []

        def answer_comes(seconds: float) -> None:
            bridge.clock.sleep(seconds)
            if bridge.clock.now >= 1_795_000_001:
                bridge.messages.record_result(FIRST, ACCEPTED, bridge.clock.text)

        def repeat(_: str) -> None:
            bridge.sleep = answer_comes
            repeats.append(bridge.send())

        bridge.eightx8.meanwhile = repeat
        bridge.send()

        assert [(one.id, one.state, one.umid) for one in repeats] == [(FIRST, State.QUEUED, UMID)]
        assert len(bridge.eightx8.sent) == 1

    def test_it_does_not_wait_longer_than_the_caller(self) -> None:
        bridge = Bridge()
        repeats = []
        bridge.eightx8.meanwhile = lambda _: repeats.append(bridge.send())

        started = bridge.clock.now
        bridge.send()

        assert [(one.id, one.state) for one in repeats] == [(FIRST, State.SENDING)]
        assert 3.0 < bridge.clock.now - started < 3.6

    def test_it_has_the_first_ones_id_even_where_that_cannot_be_read(self) -> None:
        bridge = Bridge()
        bridge.send()
        bridge.messages.messages.clear()

        assert bridge.send().id == FIRST

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["one", "two"]), st.integers(0, 200), st.booleans(), st.booleans()
            ),
            max_size=12,
        )
    )
    def test_no_message_leaves_twice_within_its_window(
        self, story: list[tuple[str, int, bool, bool]]
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
        for text, pause, is_killed, is_taken in story:
            bridge.eightx8.result = ACCEPTED if is_taken else AMBIGUOUS
            try:
                bridge.send(text=text)
            except KilledError:
                assert is_killed
            bridge.clock.sleep(pause)

        for times in left.values():
            assert all(later - earlier >= 120 for earlier, later in itertools.pairwise(times))


class TestFailuresBetweenTheSteps:
    def test_what_cannot_be_claimed_is_not_sent(self) -> None:
        bridge = Bridge()

        with failing(bridge.messages, "claim"), pytest.raises(ConnectionError):
            bridge.send()

        assert bridge.eightx8.sent == []

    @pytest.mark.parametrize("result", [ACCEPTED, REFUSED])
    def test_a_message_that_is_out_is_answered_even_if_that_cannot_be_recorded(
        self, result: SendResult
    ) -> None:
        bridge = Bridge(result=result)

        with failing(bridge.messages, "record_result"):
            message = bridge.send()

        assert (message.id, message.state) == (FIRST, result.state)
        assert (message.umid, message.reason) == (result.umid, result.reason)
        assert message.encoding == "GSM7"

    def test_an_outcome_that_cannot_be_queued_stays_open_in_the_table(self) -> None:
        bridge = Bridge(result=REFUSED)

        with failing(bridge.outcomes, "add"):
            assert bridge.send().state is State.FAILED

        kept = bridge.messages.get(FIRST)
        assert kept is not None
        assert kept.outcome_is_open

    def test_a_repeat_of_what_was_killed_half_way_is_not_sent(self) -> None:
        def kill(_: str) -> None:
            raise KilledError

        bridge = Bridge(meanwhile=kill)
        with pytest.raises(KilledError):
            bridge.send()

        repeat = bridge.send()

        assert (repeat.id, repeat.state) == (FIRST, State.SENDING)
        assert len(bridge.eightx8.sent) == 1


class TestTime:
    def test_nothing_is_sent_once_the_caller_was_told_so(self) -> None:
        bridge = Bridge()
        answer_time = AnswerTime[Message](0)
        is_over = threading.Event()
        late = []

        def work() -> Message:
            assert is_over.wait(10)
            late.append(bridge.send(answer_time))
            is_done.set()
            return late[0]

        is_done = threading.Event()
        with pytest.raises(OutOfTimeError):
            answer_time.run(work)
        is_over.set()

        assert is_done.wait(10)
        assert [(one.state, one.reason) for one in late] == [(State.FAILED, "out_of_time")]
        assert bridge.eightx8.sent == []
        assert bridge.outcomes.queued == [(FIRST, 6)]

    def test_a_server_that_never_ends_its_answer_holds_up_nobody(self) -> None:
        messages = InMemoryMessages()
        is_done = threading.Event()
        with LoopbackServer(answers_a_byte_at_a_time) as server:
            step = SendMessage(
                messages=messages,
                outcomes=InMemoryOutcomes(),
                sender=EightX8(Connections(server.url, connect_timeout=2.0), RotatingKeys()),
                duplicate_window=120,
                new_id=lambda: FIRST,
            )
            answer_time = AnswerTime[Message](1.0)

            def work() -> Message:
                try:
                    return step(a_request(), hash_key="k", answer_time=answer_time)
                finally:
                    is_done.set()

            promised = answer_time.run(work)

        assert (promised.id, promised.state) == (FIRST, State.SENDING)
        assert is_done.wait(10)
        assert len(server.received) == 1
        kept = messages.get(FIRST)
        assert kept is not None
        assert (kept.state, kept.reason) == (State.UNKNOWN, "eightx8_connection_lost")
