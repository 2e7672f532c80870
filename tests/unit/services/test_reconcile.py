"""Messages that got stuck are found and moved on; what only 8x8 can tell is asked of its log."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sms_bridge.domain.attempt import Effect
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.errors import ExportFailedError, NoExportError
from sms_bridge.services.reconcile import Reconcile
from tests.builders import AT, EVER, SUB_ACCOUNT, UMID, a_message, a_receipt, plain
from tests.fakes.failures import failing
from tests.fakes.log_exports import FakeLog, LogEntry
from tests.fakes.logs import WrittenLog
from tests.services import TIMEOUTS, TO_LIVE, InMemory


def an_id(number: int) -> str:
    return f"{number % 16:x}a1b2c3d-4e5f-4a6b-8c7d-{number:012d}"


def an_entry(
    message_id: str = "another", taken_at: float = 0.0, word: str = "queued", **receipt: Any
) -> LogEntry:
    """Return a line of 8x8's log."""
    return LogEntry(taken_at, a_receipt(word, client_message_id=message_id, **receipt))


class Bridge(InMemory):
    """A bridge with messages of any age, and 8x8's log."""

    def __init__(
        self,
        *,
        absent: str = "resend",
        unresolved: str = "report",
        missing_receipt: str = "failed",
        ambiguous: str = "hold",
    ) -> None:
        super().__init__()
        self.log = FakeLog()
        self.step = self.a_service(
            Reconcile,
            ambiguous_send_policy=ambiguous,
            absent_message_policy=absent,
            unresolved_message_policy=unresolved,
            missing_receipt_policy=missing_receipt,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.time_left -= seconds

    def add(self, number: int = 1, *, age: float, **changes: Any) -> str:
        """Put a message that was accepted some seconds ago; returns its id."""
        accepted = self.clock.now - age
        message = a_message(
            id=an_id(number),
            accepted_at=accepted,
            send_before=accepted + TO_LIVE,
            attempt_at=accepted,
            **changes,
        )
        self.messages.create(message)
        return message.id

    def unknown(self, number: int = 1, *, age: float = 700.0, **changes: Any) -> str:
        """Put a message whose send was ambiguous."""
        return self.add(number, age=age, state=State.UNKNOWN, **changes)

    def log_shows(self, *entries: LogEntry) -> None:
        """Let 8x8's log of every sub-account show these lines."""
        self.log.entries = lambda _: list(entries)

    def log_is_at(self, seconds_ago: float) -> LogEntry:
        """Return a line about a message of someone else's that was taken then."""
        return an_entry(taken_at=self.clock.now - seconds_ago)

    def run(self, *, after: float = 0, time_left: float = 300) -> dict[str, int]:
        """Run after some seconds."""
        self.clock.sleep(after)
        self.time_left = time_left
        return self.step(time_left=lambda: self.time_left)

    def run_until_overdue(self) -> dict[str, int]:
        """Run once, so that the log answers, and again after the time to resolve a message."""
        self.run()
        return self.run(after=TIMEOUTS.unresolved_timeout_seconds + 1)

    def state_of(self, message_id: str) -> State:
        return self.kept(message_id).state

    @property
    def open_ids(self) -> list[str]:
        return [message.id for message in self.messages.open_messages(until=EVER)]

    @property
    def queued(self) -> list[str]:
        return [message_id for message_id, _ in self.outcomes.queued]


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


LONG = float(TIMEOUTS.receipt_timeout_seconds + TIMEOUTS.unresolved_timeout_seconds + 1)


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
    def test_it_is_left_alone(self, bridge: Bridge, state: State, age: float) -> None:
        message_id = bridge.add(age=age, state=state)
        before = bridge.kept(message_id)

        assert bridge.run() == {}
        assert plain(bridge.kept(message_id)) == plain(before)
        assert (bridge.queued, bridge.log.asked) == ([], [])


class TestAReply:
    """Nobody has to hear what became of it; the timeline shows it."""

    def test_one_that_is_over_leaves_the_open_ones_without_a_word(self, bridge: Bridge) -> None:
        message_id = bridge.add(age=400, state=State.SENT, reply_to=UMID)
        receipt = a_receipt("delivered", client_message_id=message_id)
        bridge.messages.record_receipt(message_id, receipt, Outcome(OutcomeStatus.DELIVERED))

        assert bridge.run() == {"over": 1}
        assert bridge.run() == {}
        assert bridge.queued == []
        assert plain(bridge.kept(message_id).outcome) == plain(Outcome(OutcomeStatus.DELIVERED))

    def test_one_that_nobody_sent_in_time_is_over_as_well(self, bridge: Bridge) -> None:
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
            ambiguous_since=AT,
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

    @pytest.mark.parametrize(
        ("attempts", "ambiguous_since", "call"),
        [(0, 0.0, "record_result"), (3, 0.0, "record_result"), (3, AT, "begin_attempt")],
    )
    def test_one_that_is_begun_meanwhile_is_left_to_who_began(
        self, attempts: int, ambiguous_since: float, call: str
    ) -> None:
        bridge = Bridge(ambiguous="resend")
        message_id = bridge.add(
            age=TO_LIVE + 121,
            state=State.WAITING,
            attempt=attempts,
            ambiguous_since=ambiguous_since,
        )
        begin, method = bridge.messages.begin_attempt, getattr(bridge.messages, call)

        def begin_first(*arguments: Any) -> Any:
            assert begin(message_id, bridge.clock.now).effect is Effect.MOVED
            return method(*arguments)

        setattr(bridge.messages, call, begin_first)
        bridge.run()

        assert bridge.state_of(message_id) is State.SENDING
        assert bridge.queued == []


class TestAnOutcomeThatIsStuck:
    def test_it_is_queued_again(self, bridge: Bridge) -> None:
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
        message_id = bridge.unknown(age=TIMEOUTS.unresolved_timeout_seconds + 1)

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

    def test_the_next_run_finds_nothing_new(self, bridge: Bridge) -> None:
        bridge.add(age=LONG, state=State.SENT)
        bridge.run_until_overdue()

        assert bridge.run() == {}
        assert len(bridge.queued) == 1


class TestManyMessages:
    def test_each_finding_is_counted(self, bridge: Bridge) -> None:
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
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        fixed = bridge.add(1, age=TO_LIVE + 121, state=State.WAITING)
        bridge.messages.unreadable = [an_id(7), an_id(8)]

        assert bridge.run() == {"never_sent": 1, "unreadable": 2}
        assert bridge.state_of(fixed) is State.FAILED
        named = [line for line in logged.lines if line["message"] == "item cannot be read"]
        assert [(line["message_id"], line["MessagesStuck"]) for line in named] == [
            (an_id(7), 1),
            (an_id(8), 1),
        ]

    def test_a_list_that_ends_early_does_not_keep_the_log_from_being_asked(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
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

    def test_a_scheduled_run_leaves_old_messages_to_their_hour(self, bridge: Bridge) -> None:
        bridge.clock.now = 1_795_564_800.0 + 7200 + 1000
        bridge.unknown(1, age=7200)
        bridge.unknown(2, age=3000)

        assert bridge.step(time_left=lambda: 300.0, scheduled_at=bridge.clock.now) == {"ask": 1}
        assert bridge.run() == {"ask": 2}

    def test_it_ends_before_it_is_stopped_and_the_next_run_goes_on(self, bridge: Bridge) -> None:
        for number in range(10):
            bridge.add(number, age=TO_LIVE + 121, state=State.WAITING)
        fix = bridge.messages.record_result

        def takes_time(*arguments: Any) -> Any:
            bridge.time_left -= 100
            return fix(*arguments)

        bridge.messages.record_result = takes_time  # type: ignore[method-assign,assignment]

        assert bridge.run() == bridge.run() == {"never_sent": 3}


class TestAsking:
    def test_once_for_all_that_is_open_in_a_sub_account(self, bridge: Bridge) -> None:
        for number in range(5):
            bridge.unknown(number, age=700 + 100 * number)
        bridge.add(6, age=TIMEOUTS.receipt_timeout_seconds + 1.0, state=State.SENT)
        bridge.unknown(7, sub_account_id="another")

        assert bridge.run() == {"ask": 7}
        oldest, now = bridge.clock.now - TIMEOUTS.receipt_timeout_seconds - 1, bridge.clock.now
        assert sorted(bridge.log.asked) == [
            (SUB_ACCOUNT, oldest - 300, now),
            ("another", now - 700 - 300, now),
        ]

    def test_an_export_that_is_not_ready_is_waited_for(self, bridge: Bridge) -> None:
        bridge.unknown()
        bridge.log.pending = 3

        bridge.run()

        assert bridge.log.read_jobs == ["job-1"] * 4
        assert bridge.messages.export_jobs == {}

    def test_one_that_takes_too_long_is_read_by_the_next_run_and_not_asked_for_again(self) -> None:
        bridge = Bridge()
        message_id = bridge.unknown()
        bridge.log.pending = 1_000_000
        bridge.run()
        assert list(bridge.messages.export_jobs) == [SUB_ACCOUNT]

        bridge.log.pending = 0
        bridge.log_shows(an_entry(message_id, word="delivered"))
        bridge.run(after=300)

        assert len(bridge.log.asked) == 1
        assert bridge.state_of(message_id) is State.DELIVERED
        assert bridge.messages.export_jobs == {}

    @pytest.mark.parametrize("error", [None, ExportFailedError("export_unreadable")])
    def test_one_that_is_never_ready_or_can_never_be_read_is_asked_for_anew_after_an_hour(
        self, bridge: Bridge, error: Exception | None
    ) -> None:
        bridge.unknown(age=700)
        bridge.log.pending = 1_000_000
        bridge.log.error = error
        for _ in range(14):
            bridge.run(after=300, time_left=61)

        assert len(bridge.log.asked) == 2

    @pytest.mark.parametrize(
        ("method", "error", "asked"),
        [
            ("ask", ExportFailedError("eightx8_unreachable"), 1),
            # One more: 8x8 gave up the first.
            ("read", NoExportError("export_failed"), 2),
            # 8x8 or its storage was down for a moment; the export is there.
            ("read", ExportFailedError("eightx8_unreachable"), 1),
        ],
    )
    def test_a_log_that_cannot_be_read_is_read_by_the_next_run(
        self, bridge: Bridge, method: str, error: Exception, asked: int, logged: WrittenLog
    ) -> None:
        message_id = bridge.unknown()
        with failing(bridge.log, method, error=error):
            bridge.run()
        assert str(error) in logged.text
        assert bridge.state_of(message_id) is State.UNKNOWN

        bridge.log_shows(an_entry(message_id, word="delivered"))
        bridge.run()

        assert bridge.state_of(message_id) is State.DELIVERED
        assert len(bridge.log.asked) == asked
        assert bridge.messages.export_jobs == {}

    @pytest.mark.parametrize(
        ("part", "method", "error"),
        [
            ("log", "read", ExportFailedError("export_500")),
            ("messages", "get_export_job", ConnectionError()),
        ],
    )
    def test_a_log_that_cannot_be_read_holds_up_no_other(
        self, bridge: Bridge, part: str, method: str, error: Exception
    ) -> None:
        bridge.unknown(1, sub_account_id="account_1")
        second = bridge.unknown(2, sub_account_id="account_2")
        bridge.log_shows(an_entry(second, word="delivered", sub_account_id="account_2"))

        with failing(getattr(bridge, part), method, of="account_1", error=error):
            bridge.run()

        assert bridge.state_of(second) is State.DELIVERED


class TestWhatIsInTheLog:
    @pytest.mark.parametrize("before", [State.UNKNOWN, State.QUEUED, State.SENT])
    @pytest.mark.parametrize(
        ("word", "state", "reported"),
        [
            ("delivered", State.DELIVERED, OutcomeStatus.DELIVERED),
            ("undelivered", State.UNDELIVERED, OutcomeStatus.FAILED),
            ("rejected", State.REJECTED, OutcomeStatus.FAILED),
        ],
    )
    def test_its_word_counts_as_a_receipt(
        self, bridge: Bridge, before: State, word: str, state: State, reported: OutcomeStatus
    ) -> None:
        age = 700 if before is State.UNKNOWN else TIMEOUTS.receipt_timeout_seconds + 1.0
        message_id = bridge.add(age=age, state=before)
        bridge.log_shows(an_entry(message_id, word=word))

        bridge.run()

        kept = bridge.kept(message_id)
        assert kept.state is state
        assert kept.outcome is not None
        assert kept.outcome.status is reported
        assert [one.eightx8_state for one in kept.receipts] == [word]
        assert bridge.queued == [message_id]

    def test_an_outcome_that_came_meanwhile_is_queued_again_in_case_it_was_not(
        self, bridge: Bridge
    ) -> None:
        message_id = bridge.unknown()
        entry = an_entry(message_id, word="delivered")

        def read_after_its_receipt(_: str) -> list[LogEntry]:
            delivered = Outcome(OutcomeStatus.DELIVERED)
            bridge.messages.record_receipt(message_id, entry.receipt, delivered)
            return [entry]

        bridge.log.entries = read_after_its_receipt
        bridge.run()

        assert bridge.outcomes.queued == [(message_id, 60)]

    def test_a_word_that_8x8_does_not_document_resolves_nothing(self, bridge: Bridge) -> None:
        message_id = bridge.unknown()
        bridge.log_shows(an_entry(message_id, word="teleported"), bridge.log_is_at(0))

        bridge.run()

        assert bridge.state_of(message_id) is State.UNKNOWN

    def test_one_that_cannot_be_recorded_holds_up_no_other(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        ids = [bridge.unknown(number) for number in range(3)]
        bridge.log_shows(*(an_entry(message_id, word="delivered") for message_id in ids))

        with failing(bridge.messages, "record_receipt", of=ids[0]):
            bridge.run()

        assert [bridge.state_of(one) for one in ids] == [
            State.UNKNOWN,
            State.DELIVERED,
            State.DELIVERED,
        ]
        assert "message not resolved" in logged.text


class TestWhatIsNotInTheLog:
    @pytest.mark.parametrize(
        ("absent", "state", "is_reported", "is_open"),
        [
            ("resend", State.WAITING, False, True),
            ("report", State.FAILED, True, True),
            ("leave", State.UNKNOWN, False, False),
        ],
    )
    def test_what_is_proven_absent_is_sent_reported_or_left(
        self, absent: str, state: State, is_reported: bool, is_open: bool
    ) -> None:
        bridge = Bridge(absent=absent)
        message_id = bridge.unknown()
        bridge.log_shows(bridge.log_is_at(399))

        bridge.run()

        assert bridge.state_of(message_id) is state
        assert bridge.queued == [message_id] * is_reported
        assert bridge.open_ids == [message_id] * is_open

    def test_what_may_not_be_sent_any_more_is_reported(self, bridge: Bridge) -> None:
        message_id = bridge.unknown(age=TO_LIVE)
        bridge.log_shows(bridge.log_is_at(0))

        bridge.run()

        kept = bridge.kept(message_id)
        assert (kept.state, kept.reason) == (State.FAILED, "not_in_log")
        assert bridge.queued == [message_id]

    @pytest.mark.parametrize("seconds_ago", [400, 700, 10_000, None])
    def test_what_is_not_proven_waits(self, bridge: Bridge, seconds_ago: float | None) -> None:
        """The log is empty, or does not reach far enough."""
        message_id = bridge.unknown()
        if seconds_ago is not None:
            bridge.log_shows(bridge.log_is_at(seconds_ago))
        before = bridge.kept(message_id)

        bridge.run()

        answered = replace(before, log_answered_at=bridge.clock.now)
        assert plain(bridge.kept(message_id)) == plain(answered)

    def test_a_message_from_before_the_exports_span_is_not_judged_by_it(self) -> None:
        """The export was asked for by an earlier run, for younger messages."""
        bridge = Bridge()
        old = bridge.unknown(1, age=3000)
        since = bridge.clock.now - 2000
        bridge.messages.put_export_job(ExportJob(SUB_ACCOUNT, "job-0", since, bridge.clock.now))
        bridge.log_shows(bridge.log_is_at(0))

        bridge.run()

        assert bridge.state_of(old) is State.UNKNOWN
        bridge.run()
        assert bridge.state_of(old) is State.WAITING
        assert [since for _, since, _ in bridge.log.asked] == [bridge.kept(old).accepted_at - 300]

    def test_a_message_that_is_sent_anew_meanwhile_is_not_judged_by_its_first_attempt(
        self, bridge: Bridge
    ) -> None:
        message_id = bridge.unknown()
        bridge.log_shows(bridge.log_is_at(0))
        read = bridge.log.read

        def sent_meanwhile(*arguments: Any, **named: Any) -> object:
            bridge.messages.messages[message_id] = replace(
                bridge.kept(message_id), attempt=2, attempt_at=bridge.clock.now
            )
            return read(*arguments, **named)

        bridge.log.read = sent_meanwhile  # type: ignore[method-assign,assignment]
        bridge.run()

        assert bridge.state_of(message_id) is State.UNKNOWN


WEEK = 7 * 86_400.0


class TestALogThatNeverAnswers:
    """It is asked first in each run; time counts from the first question without an answer."""

    @pytest.mark.parametrize("age", [700.0, 30 * 86_400.0])
    @pytest.mark.parametrize(
        "error", [ExportFailedError("export_unreadable"), NoExportError("x"), OSError()]
    )
    def test_a_message_of_any_age_is_left_open_for_a_week_and_then_reported(
        self, bridge: Bridge, age: float, error: Exception
    ) -> None:
        message_id = bridge.unknown(age=age)
        bridge.log.error = error

        assert bridge.run() == {"ask": 1}
        assert bridge.run(after=WEEK) == {"ask": 1}
        assert bridge.state_of(message_id) is State.UNKNOWN
        assert bridge.run(after=1) == {"ask": 1, "log_silent": 1}

        kept = bridge.kept(message_id)
        assert kept.state is State.FAILED
        assert kept.outcome is not None
        assert kept.outcome.reason == "log_unreadable"
        assert bridge.queued == [message_id]

    def test_a_log_that_answers_after_a_week_is_believed(self, bridge: Bridge) -> None:
        message_id = bridge.unknown()
        bridge.log.error = ExportFailedError("export_unreadable")
        bridge.run()
        bridge.log.error = None
        bridge.log_shows(an_entry(message_id, word="delivered"))

        assert bridge.run(after=2 * WEEK) == {"ask": 1}
        assert bridge.state_of(message_id) is State.DELIVERED

    def test_after_an_answer_that_said_nothing_the_time_of_the_answer_counts(self) -> None:
        bridge = Bridge()
        message_id = bridge.unknown()
        bridge.log.error = ExportFailedError("export_unreadable")
        bridge.run()
        bridge.log.error = None
        bridge.run(after=WEEK - 10)
        bridge.log.error = ExportFailedError("export_unreadable")

        assert bridge.run(after=100) == {"ask": 1}
        assert bridge.state_of(message_id) is State.UNKNOWN

    def test_an_export_that_is_not_ready_is_no_answer(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        bridge.unknown()
        bridge.log.pending = 10**9

        bridge.run()

        assert bridge.kept(bridge.open_ids[0]).log_silent_since == bridge.clock.now
        assert "export_not_ready" in logged.text

    def test_the_operators_choices_hold_here_as_well(self) -> None:
        bridge = Bridge(unresolved="leave", missing_receipt="delivered")
        left = bridge.unknown(1)
        sent = bridge.add(2, age=TIMEOUTS.receipt_timeout_seconds + 1.0, state=State.SENT)
        bridge.log.error = ExportFailedError("export_unreadable")
        bridge.run()

        assert bridge.run(after=WEEK + 1) == {"ask": 2, "log_silent": 2}
        assert bridge.state_of(left) is State.UNKNOWN
        assert bridge.open_ids == [sent]
        outcome = bridge.kept(sent).outcome
        assert outcome is not None
        assert outcome.status is OutcomeStatus.DELIVERED

    def test_each_run_counts_the_messages_that_wait_for_it(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        for number in range(3):
            bridge.unknown(number)
        bridge.log.error = ExportFailedError("export_unreadable")

        bridge.run()

        [line] = [one for one in logged.lines if one["message"] == "8x8's log cannot be read"]
        assert (line["MessagesStuck"], line["reason"]) == (3, "export_unreadable")
