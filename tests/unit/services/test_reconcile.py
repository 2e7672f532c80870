"""Messages that got stuck are found and moved on."""

from collections.abc import Iterator
from typing import Any

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import State
from tests.builders import UMID, a_receipt, plain
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.services import TIMEOUTS, TO_LIVE
from tests.unit.services.reconciling import Bridge, an_entry, an_id

LONG = float(TIMEOUTS.receipt + TIMEOUTS.unresolved + 1)


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
        assert plain(bridge.kept(message_id)) == plain(before)
        assert (bridge.queued, bridge.log.asked) == ([], [])


class TestAReply:
    """Nobody has to hear what became of it; the timeline shows it."""

    def test_one_that_is_over_leaves_the_open_ones_without_a_word(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=400, state=State.SENT, reply_to=UMID)
        receipt = a_receipt("delivered", client_message_id=message_id)
        bridge.messages.record_receipt(message_id, receipt, Outcome(OutcomeStatus.DELIVERED))

        assert bridge.run() == {"over": 1}
        assert bridge.run() == {}
        assert bridge.queued == []
        assert plain(bridge.kept(message_id).outcome) == plain(Outcome(OutcomeStatus.DELIVERED))

    def test_one_that_nobody_sent_in_time_is_over_as_well(self) -> None:
        bridge = Bridge()
        bridge.add(age=TO_LIVE + 121, state=State.WAITING, attempt=0, reply_to=UMID)

        assert [bridge.run() for _ in range(3)] == [{"never_sent": 1}, {"over": 1}, {}]
        assert bridge.queued == []


class TestAMessageThatWasNeverSent:
    def test_one_that_8x8_may_have_from_an_earlier_attempt_is_held_as_unknown(self) -> None:
        bridge = Bridge(ambiguous="resend")
        message_id = bridge.add(
            age=TO_LIVE + 121,
            state=State.WAITING,
            attempt=2,
            ambiguous_since=seconds_of("2026-11-24T09:00:00.000Z"),
        )

        assert bridge.run() == {"never_sent": 1}
        kept = bridge.kept(message_id)
        assert (kept.state, kept.attempt, kept.reason) == (State.UNKNOWN, 3, "expired")
        assert bridge.queued == []

    def test_a_message_whose_time_to_live_ended_is_reported_as_expired(self) -> None:
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
            assert bridge.messages.begin_attempt(message_id, bridge.clock.now).begun
            return record(*arguments)

        bridge.messages.record_result = begin_first  # type: ignore[method-assign,assignment]
        bridge.run()

        assert bridge.state_of(message_id) is State.SENDING
        assert bridge.queued == []


class TestAnOutcomeThatIsStuck:
    def test_it_is_queued_again(self) -> None:
        bridge = Bridge()
        message_id = bridge.add(age=1000, state=State.SENT)
        bridge.messages.record_outcome(
            message_id, Outcome(OutcomeStatus.DELIVERED), bridge.clock.now
        )
        bridge.clock.sleep(1001)

        assert bridge.run() == {"outcome_stuck": 1}
        assert bridge.outcomes.queued == [(message_id, 0)]


class TestWhatIsOverdue:
    @pytest.mark.parametrize(
        ("unresolved", "state", "reported"),
        [("report", State.FAILED, ["unknown"]), ("leave", State.UNKNOWN, [])],
    )
    def test_the_operator_decides_about_what_the_log_does_not_resolve(
        self, unresolved: str, state: State, reported: list[str]
    ) -> None:
        bridge = Bridge(unresolved=unresolved)
        message_id = bridge.unknown(age=TIMEOUTS.unresolved + 1)

        assert bridge.run_until_overdue() == {"overdue": 1}
        kept = bridge.kept(message_id)
        assert kept.state is state
        assert [kept.outcome.reason] if kept.outcome else reported == []
        assert bridge.queued == [message_id] * len(reported)
        assert bridge.open_ids == [message_id] * len(reported)

    @pytest.mark.parametrize("state", [State.QUEUED, State.SENT, State.DEFERRED])
    @pytest.mark.parametrize(
        ("policy", "outcome"),
        [
            ("failed", (OutcomeStatus.FAILED, "no_receipt")),
            ("delivered", (OutcomeStatus.DELIVERED, "")),
            ("nothing", None),
        ],
    )
    def test_and_about_a_receipt_that_never_came(
        self, policy: str, state: State, outcome: tuple[OutcomeStatus, str] | None
    ) -> None:
        bridge = Bridge(missing_receipt=policy)
        message_id = bridge.add(age=LONG, state=state)

        assert bridge.run_until_overdue() == {"overdue": 1}
        kept = bridge.kept(message_id)
        assert kept.state is state
        reported = kept.outcome and (kept.outcome.status, kept.outcome.reason)
        assert reported == outcome
        assert bridge.queued == [message_id] * (outcome is not None)
        assert bridge.open_ids == [message_id] * (outcome is not None)

    def test_the_next_run_finds_nothing_new(self) -> None:
        bridge = Bridge()
        bridge.add(age=LONG, state=State.SENT)
        bridge.run_until_overdue()

        assert bridge.run() == {}
        assert len(bridge.queued) == 1


class TestManyMessages:
    def test_each_finding_is_counted(self) -> None:
        bridge = Bridge()
        for number in range(3):
            bridge.add(number, age=700, state=State.SENDING)
        bridge.add(3, age=TO_LIVE + 121, state=State.WAITING)
        bridge.unknown(4)

        assert bridge.run() == {"never_sent": 1, "ask": 4}

    def test_one_that_cannot_be_fixed_holds_up_no_other(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        failed = bridge.add(1, age=TO_LIVE + 121, state=State.WAITING)
        fixed = bridge.add(2, age=TO_LIVE + 121, state=State.WAITING)

        with failing(bridge.messages, "record_result", of=failed):
            assert bridge.run() == {"never_sent": 2}
        assert (bridge.state_of(failed), bridge.state_of(fixed)) == (State.WAITING, State.FAILED)
        assert "message not fixed" in logged.text

    def test_items_that_cannot_be_read_are_counted_and_named_and_hold_up_no_other(
        self, logged: WrittenLog
    ) -> None:
        bridge = Bridge()
        fixed = bridge.add(1, age=TO_LIVE + 121, state=State.WAITING)
        bridge.messages.unreadable = [an_id(7), an_id(8)]

        assert bridge.run() == {"never_sent": 1, "unreadable": 2}
        assert bridge.state_of(fixed) is State.FAILED
        run = logged.lines[-1]
        assert run["message"] == "reconciled"
        assert (run["unreadable"], run["MessagesStuck"]) == ([an_id(7), an_id(8)], 2)

    def test_a_list_that_ends_early_does_not_keep_the_log_from_being_asked(
        self, logged: WrittenLog
    ) -> None:
        bridge = Bridge()
        found = bridge.unknown(1)
        bridge.log_shows(an_entry(found, word="delivered"))
        listed = bridge.messages.open_messages

        def ends_early(**span: Any) -> Iterator[Message]:
            yield from listed(**span)
            raise ConnectionError

        bridge.messages.open_messages = ends_early  # type: ignore[method-assign]

        assert bridge.run() == {"ask": 1}
        assert bridge.state_of(found) is State.DELIVERED
        assert "open messages not listed" in logged.text

    def test_a_scheduled_run_leaves_old_messages_to_their_hour(self) -> None:
        bridge = Bridge()
        bridge.clock.now = 1_795_564_800.0 + 7200 + 1000
        bridge.unknown(1, age=7200)
        bridge.unknown(2, age=3000)

        assert bridge.step(time_left=lambda: 300.0, scheduled_at=bridge.clock.now) == {"ask": 1}
        assert bridge.run() == {"ask": 2}

    def test_it_ends_before_it_is_stopped_and_the_next_run_goes_on(self) -> None:
        bridge = Bridge()
        for number in range(10):
            bridge.add(number, age=TO_LIVE + 121, state=State.WAITING)
        fix = bridge.messages.record_result

        def takes_time(*arguments: Any) -> Any:
            bridge.time_left -= 100
            return fix(*arguments)

        bridge.messages.record_result = takes_time  # type: ignore[method-assign,assignment]
        first = bridge.run()
        bridge.time_left = 300
        second = bridge.run()

        assert first == second == {"never_sent": 3}
