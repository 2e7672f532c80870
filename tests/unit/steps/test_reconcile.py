"""Messages that got stuck are found and moved on."""

from typing import Any

import pytest

from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import Outcome, Told
from tests.builders import ACCEPTED
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.unit.steps.reconciling import PATIENCE, TO_LIVE, Bridge

LONG = float(PATIENCE.receipt + PATIENCE.unsettled + 1)


class TestWhatIsOnItsWay:
    @pytest.mark.parametrize(
        ("state", "age"),
        [
            (State.WAITING, 0),
            (State.WAITING, TO_LIVE),
            (State.SENDING, 60),
            (State.UNKNOWN, 600),
            (State.QUEUED, 172_800),
            (State.DELIVERED, LONG),
        ],
    )
    def test_it_is_left_alone(self, state: State, age: float) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=age, state=state)
        before = bridge.kept(message_id)

        assert bridge.run() == {}
        assert bridge.kept(message_id) == before
        assert (bridge.queued, bridge.log.asked) == ([], [])


class TestASenderThatIsGone:
    @pytest.mark.parametrize(
        ("ambiguous", "state"), [("hold", State.UNKNOWN), ("resend", State.WAITING)]
    )
    def test_nobody_knows_whether_8x8_has_its_message(self, ambiguous: str, state: State) -> None:
        bridge = Bridge(ambiguous=ambiguous)
        message_id = bridge.add(age=91, state=State.SENDING)

        assert bridge.run() == {"sender_gone": 1}
        assert bridge.state_of(message_id) is state
        assert bridge.kept(message_id).reason == "sender_gone"
        assert bridge.queued == []

    def test_one_that_answers_meanwhile_is_not_gone(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=91, state=State.SENDING)
        record = bridge.messages.record_result

        def answer_first(*arguments: Any) -> Any:
            record(message_id, 1, ACCEPTED, State.QUEUED, bridge.clock.text)
            return record(*arguments)

        bridge.messages.record_result = answer_first  # type: ignore[method-assign,assignment]
        bridge.run()

        assert bridge.state_of(message_id) is State.QUEUED
        assert bridge.queued == []


class TestAMessageThatWasNeverSent:
    def test_its_time_is_over_and_moengage_hears_so(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=TO_LIVE + 121, state=State.WAITING, attempt=0)

        assert bridge.run() == {"never_sent": 1}
        kept = bridge.kept(message_id)
        assert (kept.state, kept.reason) == (State.FAILED, "expired")
        assert bridge.queued == [message_id]

    @pytest.mark.parametrize("attempts", [0, 3])
    def test_one_that_is_begun_meanwhile_is_left_to_who_began(self, attempts: int) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=TO_LIVE + 121, state=State.WAITING, attempt=attempts)
        record = bridge.messages.record_result

        def begin_first(*arguments: Any) -> Any:
            assert bridge.messages.begin_attempt(message_id, bridge.clock.text).begun
            return record(*arguments)

        bridge.messages.record_result = begin_first  # type: ignore[method-assign,assignment]
        bridge.run()

        assert bridge.state_of(message_id) is State.SENDING
        assert bridge.queued == []


class TestAnOutcomeThatIsStuck:
    def test_it_is_queued_again(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=1000, state=State.SENT)
        bridge.messages.record_outcome(message_id, Outcome(Told.DELIVERED), bridge.clock.text)
        bridge.clock.sleep(901)

        assert bridge.run() == {"outcome_stuck": 1}
        assert bridge.outcomes.queued == [(message_id, 0)]

    def test_one_that_was_told_is_off_the_list(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=1000, state=State.SENT)
        bridge.messages.record_outcome(message_id, Outcome(Told.DELIVERED), bridge.clock.text)
        bridge.messages.record_told(message_id, bridge.clock.text)
        bridge.clock.sleep(901)

        assert bridge.run() == {}


class TestWhatIsOverdue:
    @pytest.mark.parametrize(
        ("unsettled", "state", "told"),
        [("report", State.FAILED, ["unknown"]), ("leave", State.UNKNOWN, [])],
    )
    def test_the_operator_decides_about_what_nothing_settles(
        self, unsettled: str, state: State, told: list[str]
    ) -> None:
        bridge = Bridge(unsettled=unsettled)
        message_id = bridge.unknown(age=PATIENCE.unsettled + 1)

        assert bridge.run() == {"overdue": 1}
        kept = bridge.kept(message_id)
        assert kept.state is state
        assert [kept.outcome.reason] if kept.outcome else told == []
        assert bridge.queued == [message_id] * len(told)
        assert bridge.open_ids == [message_id] * len(told)
        assert bridge.log.asked == []

    @pytest.mark.parametrize("state", [State.QUEUED, State.SENT, State.DEFERRED])
    @pytest.mark.parametrize(
        ("policy", "outcome"),
        [
            ("failed", (Told.FAILED, "no_receipt")),
            ("delivered", (Told.DELIVERED, "")),
            ("nothing", None),
        ],
    )
    def test_and_about_a_receipt_that_never_came(
        self, policy: str, state: State, outcome: tuple[Told, str] | None
    ) -> None:
        bridge = Bridge(missing_receipt=policy)
        message_id = bridge.add(age=LONG, state=state)

        assert bridge.run() == {"overdue": 1}
        kept = bridge.kept(message_id)
        assert kept.state is state
        told = kept.outcome and (kept.outcome.status, kept.outcome.reason)
        assert told == outcome
        assert bridge.queued == [message_id] * (outcome is not None)
        assert bridge.open_ids == [message_id] * (outcome is not None)

    def test_the_next_run_finds_nothing_new(self) -> None:
        bridge = Bridge()
        bridge.add(age=LONG, state=State.SENT)
        bridge.run()

        assert bridge.run() == {}
        assert len(bridge.queued) == 1


class TestManyMessages:
    def test_each_finding_is_counted(self) -> None:
        bridge = Bridge()
        for number in range(3):
            bridge.add(number, age=91, state=State.SENDING)
        bridge.add(3, age=TO_LIVE + 121, state=State.WAITING)
        bridge.unknown(4)

        assert bridge.run() == {"sender_gone": 3, "never_sent": 1, "ask": 1}

    def test_one_that_cannot_be_mended_holds_up_no_other(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        stuck = bridge.add(1, age=91, state=State.SENDING)
        bridge.add(2, age=LONG, state=State.SENT)

        with failing(bridge.messages, "record_outcome"):
            assert bridge.run() == {"sender_gone": 1, "overdue": 1}

        assert bridge.state_of(stuck) is State.UNKNOWN
        assert "message not mended" in logged.text

    def test_it_ends_before_it_is_stopped_and_the_next_run_goes_on(self) -> None:
        bridge = Bridge()
        for number in range(10):
            bridge.add(number, age=91, state=State.SENDING)
        mend = bridge.messages.record_result

        def takes_time(*arguments: Any) -> Any:
            bridge.time_left -= 100
            return mend(*arguments)

        bridge.messages.record_result = takes_time  # type: ignore[method-assign,assignment]
        first = bridge.run()
        bridge.time_left = 300
        second = bridge.run()

        assert first == second == {"sender_gone": 3}
