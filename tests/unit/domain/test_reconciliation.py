"""What counts as stuck, and what is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.reconciliation import (
    Finding,
    MissingReceiptPolicy,
    Timeouts,
    finding_of,
    is_proven_absent,
    needs_log_answer,
    oldest_to_look_at,
    outcome_of_missing_receipt,
    youngest_to_look_at,
)
from sms_bridge.domain.state import FINAL, State
from tests.builders import AT, a_message

START = AT
TO_LIVE = 3600
TIMEOUTS = Timeouts(unknown=600, unresolved=86_400, receipt=172_800)

# State, seconds since the message was accepted (and its attempt was begun), what is found.
TABLE = [
    (State.WAITING, 0, None),
    (State.WAITING, TO_LIVE + 120, None),
    (State.WAITING, TO_LIVE + 121, Finding.NEVER_SENT),
    (State.SENDING, 0, None),
    (State.UNKNOWN, 0, None),
    *(
        (state, age, finding)
        for state in (State.SENDING, State.UNKNOWN)
        for age, finding in (
            (600, None),
            (601, Finding.ASK),
            # However long that takes: without an answer of the log nothing is decided.
            (10_000_000, Finding.ASK),
        )
    ),
    *(
        (state, age, finding)
        for state in (State.QUEUED, State.SENT, State.DEFERRED)
        for age, finding in (
            (0, None),
            (172_800, None),
            (172_801, Finding.ASK),
            (10_000_000, Finding.ASK),
        )
    ),
    *((state, 10_000_000, None) for state in sorted(FINAL)),
]


def found(message: Message, age: float) -> Finding | None:
    return finding_of(message, START + age, TIMEOUTS)


@pytest.mark.parametrize(("state", "age", "finding"), TABLE)
def test_what_is_found_by_state_and_age(state: State, age: int, finding: Finding | None) -> None:
    message = a_message(state=state, send_before=START + TO_LIVE)

    assert found(message, age) is finding


@pytest.mark.parametrize(
    ("state", "asked_from"), [(State.UNKNOWN, 600), (State.SENDING, 600), (State.SENT, 172_800)]
)
class TestTheLogsAnswer:
    """The log is asked first, always; the time to resolve a message counts from its answer."""

    def test_the_time_counts_from_the_first_answer(self, state: State, asked_from: int) -> None:
        answered = asked_from + 500_000
        message = a_message(state=state, log_answered_at=START + answered)

        assert found(message, answered + 86_400) is Finding.ASK
        assert found(message, answered + 86_401) is Finding.OVERDUE
        assert not needs_log_answer(message, TIMEOUTS)

    def test_an_answer_from_before_the_log_had_to_be_asked_does_not_count(
        self, state: State, asked_from: int
    ) -> None:
        message = a_message(state=state, log_answered_at=START + asked_from - 1)

        assert found(message, 10_000_000) is Finding.ASK
        assert needs_log_answer(message, TIMEOUTS)

    def test_an_answer_about_an_earlier_attempt_does_not_count(
        self, state: State, asked_from: int
    ) -> None:
        begun = START + 2_000_000
        message = a_message(
            state=state,
            accepted_at=begun,
            attempt=2,
            attempt_at=begun,
            log_answered_at=START + 1_000_000 + asked_from,
        )

        assert found(message, 10_000_000) is Finding.ASK


class TestScheduledMessages:
    """8x8 sends them days later: every timeout counts from then."""

    AT = START + 6 * 86_400

    @pytest.mark.parametrize(
        ("state", "timeout"),
        [(State.UNKNOWN, 600), (State.SENDING, 600), (State.QUEUED, 172_800)],
    )
    def test_the_log_is_asked_when_the_message_must_have_been_sent(
        self, state: State, timeout: int
    ) -> None:
        message = a_message(state=state, scheduled_at=self.AT)

        assert finding_of(message, self.AT + timeout, TIMEOUTS) is None
        assert finding_of(message, self.AT + timeout + 1, TIMEOUTS) is Finding.ASK

    def test_a_log_that_ends_before_its_time_proves_nothing(self) -> None:
        message = a_message(state=State.UNKNOWN, scheduled_at=self.AT)

        assert not is_proven_absent(message, self.AT + 300)
        assert is_proven_absent(message, self.AT + 301)


class TestWhichMessagesARunLooksAt:
    DAY = 1_795_564_800.0
    """Midnight."""

    @pytest.mark.parametrize(
        ("time_of_day", "age"),
        [
            (0, float("inf")),
            (3599, float("inf")),
            (3600, 90_000),
            (3600 + 899, 90_000),
            (3600 + 900, 3600),
            (86_399, 3600),
        ],
    )
    def test_old_messages_are_looked_at_rarely(self, time_of_day: int, age: float) -> None:
        now = self.DAY + time_of_day

        assert oldest_to_look_at(now) == (0.0 if age == float("inf") else now - age)

    def test_a_run_every_five_minutes_looks_at_each_age_long_enough_to_read_an_export(self) -> None:
        runs = [self.DAY + 300 * number for number in range(288)]
        looks = [runs[0] - 10_000_000 >= oldest_to_look_at(run) for run in runs]

        assert sum(looks) == 12
        assert looks[:12] == [True] * 12

    @pytest.mark.parametrize(("unknown", "youngest"), [(600, 300), (60, 60)])
    def test_young_messages_are_on_their_way(self, unknown: int, youngest: int) -> None:
        timeouts = Timeouts(unknown=unknown, unresolved=86_400, receipt=172_800)

        assert youngest_to_look_at(START, timeouts) == START - youngest


@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED, State.SENT, State.UNKNOWN])
class TestOutcomes:
    DUE = Outcome(OutcomeStatus.FAILED, "r", "")

    @pytest.mark.parametrize(("age", "finding"), [(900, None), (901, Finding.OUTCOME_STUCK)])
    def test_an_outcome_that_nobody_reports_is_stuck(
        self, state: State, age: int, finding: Finding | None
    ) -> None:
        message = a_message(state=state, outcome=self.DUE, outcome_due_at=AT)

        assert found(message, age) is finding

    def test_one_whose_next_try_has_not_come_is_not(self, state: State) -> None:
        message = a_message(
            state=state,
            outcome=self.DUE,
            outcome_due_at=AT,
            outcome_next_try_at=START + 7200,
        )

        assert found(message, 8100) is None
        assert found(message, 8101) is Finding.OUTCOME_STUCK

    @pytest.mark.parametrize("how", ["outcome_reported_at", "outcome_given_up"])
    def test_one_that_was_reported_or_given_up_is_not(self, state: State, how: str) -> None:
        message = a_message(state=state, outcome=self.DUE, outcome_due_at=AT, **{how: AT})

        assert found(message, 10_000_000) is None


@given(st.sampled_from(State), st.integers(0, 400_000), st.integers(0, 400_000))
def test_what_is_found_never_becomes_less_with_time(state: State, age: int, later: int) -> None:
    order: list[Finding | None] = [
        None,
        Finding.ASK,
        Finding.NEVER_SENT,
        Finding.OVERDUE,
    ]
    message = a_message(state=state)

    assert order.index(found(message, age)) <= order.index(found(message, age + later))


@pytest.mark.parametrize(
    ("state", "seconds", "is_proven"),
    [
        (State.UNKNOWN, 0, False),
        (State.UNKNOWN, 300, False),
        (State.UNKNOWN, 300.001, True),
        (State.SENDING, 900, False),
        (State.SENDING, 900.001, True),
        (State.QUEUED, 1_000_000, False),
    ],
)
def test_only_what_8x8_created_well_after_it_proves_that_a_message_is_absent(
    state: State, seconds: float, is_proven: bool
) -> None:
    message = a_message(state=state, attempt_at=AT)

    assert is_proven_absent(message, START + seconds) is is_proven


def test_an_empty_log_proves_nothing() -> None:
    assert not is_proven_absent(a_message(state=State.UNKNOWN), 0.0)


def test_the_last_attempt_counts_and_not_when_the_message_was_accepted() -> None:
    message = a_message(state=State.UNKNOWN, attempt=2, attempt_at=START + 1000)

    assert not is_proven_absent(message, START + 1300)
    assert is_proven_absent(message, START + 1301)


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (MissingReceiptPolicy.DELIVERED, ("DELIVERED", "")),
        (MissingReceiptPolicy.FAILED, ("FAILED", "no_receipt")),
        (MissingReceiptPolicy.NOTHING, None),
    ],
)
def test_what_is_reported_where_a_receipt_is_missing(
    policy: MissingReceiptPolicy, outcome: tuple[str, str] | None
) -> None:
    reported = outcome_of_missing_receipt(policy)

    assert (reported and (reported.status, reported.reason)) == outcome
