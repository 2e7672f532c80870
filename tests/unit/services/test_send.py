"""Sending a message: claim, post, record."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import is_message_id
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from sms_bridge.services.deadline import AnswerTime
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NOT_SENT,
    NUMBER,
    REFUSED,
    REJECTED,
    SUB_ACCOUNT,
    TEXT,
    THROTTLED,
    UMID,
    plain,
)
from tests.fakes.failures import KilledError, failing
from tests.fakes.logs import WrittenLog
from tests.services import TO_LIVE
from tests.unit.services.sending import Bridge


class TestTheFirstTime:
    def test_a_message_is_posted_once_under_its_id(self) -> None:
        bridge = Bridge()

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
        assert bridge.outcomes.queued == []
        assert bridge.queued == []

    def test_that_8x8_accepted_it_is_answered_and_not_recorded(self) -> None:
        bridge = Bridge()

        message = bridge.send()

        kept = bridge.kept(message)
        assert (kept.state, kept.umid, kept.answered_at) == (State.SENDING, "", 0.0)
        assert kept.attempt_at == bridge.clock.now

    @pytest.mark.parametrize("result", [REJECTED, REFUSED, THROTTLED, NOT_SENT, AMBIGUOUS])
    def test_whatever_else_8x8_said_is(self, result: SendResult) -> None:
        bridge = Bridge(result=result)

        message = bridge.send()

        assert plain(bridge.kept(message)) == plain(message)
        assert message.answered_at == bridge.clock.now

    def test_and_so_it_is_of_a_scheduled_message_whose_receipts_are_far_away(self) -> None:
        bridge = Bridge()

        message = bridge.send(options={"scheduled": "2026-12-24T18:00:00Z"})

        assert bridge.kept(message).state is State.QUEUED

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
        assert message.accepted_at == bridge.clock.now
        assert (message.attempt, message.attempt_at) == (1, bridge.clock.now)
        assert message.send_before == bridge.clock.now + TO_LIVE
        assert "ж" not in str(vars(bridge.messages))

    def test_the_size_is_an_estimate_until_8x8_reports_it(self) -> None:
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
    def test_what_8x8_did_not_accept_is_reported_once_moengage_knows_the_id(
        self, result: SendResult, state: State, is_failure: bool
    ) -> None:
        bridge = Bridge(result=result)

        message = bridge.send()

        assert (message.state, message.reason) == (state, result.reason)
        assert bridge.outcomes.queued == ([(message.id, 6)] if is_failure else [])

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

    def test_it_waits_while_the_first_is_under_way(self) -> None:
        bridge = Bridge()
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

    def test_it_does_not_wait_longer_than_the_caller(self) -> None:
        bridge = Bridge()
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

    def test_it_does_not_wait_for_a_sender_that_has_had_its_time(self) -> None:
        bridge = Bridge()
        first = bridge.send()
        bridge.clock.sleep(4)
        asked_at = bridge.clock.now

        repeat = bridge.send()

        assert (repeat.id, repeat.state) == (first.id, State.SENDING)
        assert bridge.clock.now == asked_at
        assert bridge.queued == []

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
