"""What counts as stuck, and what is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.reconciliation import (
    Finding,
    MissingReceiptPolicy,
    Timeouts,
    finding_of,
    is_proven_absent,
    outcome_of_missing_receipt,
)
from sms_bridge.domain.state import FINAL, State
from tests.builders import AT, a_message

START = seconds_of(AT)
TO_LIVE = 3600
PATIENCE = Timeouts(unknown=600, unresolved=86_400, receipt=172_800)

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
            (86_400, Finding.ASK),
            (86_401, Finding.OVERDUE),
        )
    ),
    *(
        (state, age, finding)
        for state in (State.QUEUED, State.SENT, State.DEFERRED)
        for age, finding in (
            (0, None),
            (172_800, None),
            (172_801, Finding.ASK),
            (172_800 + 86_400, Finding.ASK),
            (172_800 + 86_401, Finding.OVERDUE),
        )
    ),
    *((state, 10_000_000, None) for state in sorted(FINAL)),
]


def found(message: Message, age: float) -> Finding | None:
    return finding_of(message, START + age, PATIENCE)


@pytest.mark.parametrize(("state", "age", "finding"), TABLE)
def test_what_is_found_by_state_and_age(state: State, age: int, finding: Finding | None) -> None:
    message = a_message(state=state, send_before=timestamp(START + TO_LIVE))

    assert found(message, age) is finding


@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED, State.SENT, State.UNKNOWN])
class TestOutcomes:
    DUE = Outcome(OutcomeStatus.FAILED, "r", "")

    @pytest.mark.parametrize(("age", "finding"), [(900, None), (901, Finding.OUTCOME_STUCK)])
    def test_one_that_nobody_tells_is_stuck(
        self, state: State, age: int, finding: Finding | None
    ) -> None:
        message = a_message(state=state, outcome=self.DUE, outcome_due_at=AT)

        assert found(message, age) is finding

    def test_one_whose_next_try_has_not_come_is_not(self, state: State) -> None:
        message = a_message(
            state=state,
            outcome=self.DUE,
            outcome_due_at=AT,
            outcome_next_try_at=timestamp(START + 7200),
        )

        assert found(message, 8100) is None
        assert found(message, 8101) is Finding.OUTCOME_STUCK

    @pytest.mark.parametrize("how", ["outcome_reported_at", "outcome_given_up"])
    def test_one_that_was_told_or_given_up_is_not(self, state: State, how: str) -> None:
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
def test_only_what_8x8_took_well_after_it_proves_that_a_message_is_absent(
    state: State, seconds: float, is_proven: bool
) -> None:
    message = a_message(state=state, attempt_at=AT)

    assert is_proven_absent(message, START + seconds) is is_proven


def test_an_empty_log_proves_nothing() -> None:
    assert not is_proven_absent(a_message(state=State.UNKNOWN), 0.0)


def test_the_last_attempt_counts_and_not_when_the_message_was_accepted() -> None:
    message = a_message(state=State.UNKNOWN, attempt=2, attempt_at=timestamp(START + 1000))

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
def test_what_is_told_where_a_receipt_is_missing(
    policy: MissingReceiptPolicy, outcome: tuple[str, str] | None
) -> None:
    reported = outcome_of_missing_receipt(policy)

    assert (reported and (reported.status, reported.reason)) == outcome
