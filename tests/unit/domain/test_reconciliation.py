"""What counts as stuck, and what is certain."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import FINAL, Message, Outcome, OutcomeStatus, State
from sms_bridge.domain.reconciliation import (
    Finding,
    finding_of,
    is_proven_absent,
    needs_log_answer,
    span_to_look_at,
)
from sms_bridge.settings import ReconcileSettings
from tests.builders import AT, a_message
from tests.services import settings_of

DAY = 86_400
EVER = 10_000_000
TIMEOUTS = settings_of(ReconcileSettings, unresolved_timeout_seconds=DAY)
DUE = {"outcome": Outcome(OutcomeStatus.FAILED, "r", ""), "outcome_due_at": AT}
MAYBE_WITH_8X8 = (State.SENDING, State.UNKNOWN)
ACCEPTED = (State.QUEUED, State.SENT, State.DEFERRED)


def found(message: Message, age: float) -> Finding | None:
    return finding_of(message, AT + age, TIMEOUTS)


# Up to so many seconds after a message was accepted nothing is found, and from then on something.
# However long the log gives no answer, nothing else is decided.
TURNS: list[tuple[str, dict[str, Any], float, Finding]] = [
    ("waits", {"state": State.WAITING, "send_before": AT + 3600}, 3720, Finding.NEVER_SENT),
    *((state, {"state": state}, 600, Finding.ASK) for state in MAYBE_WITH_8X8),
    *((state, {"state": state}, 2 * DAY, Finding.ASK) for state in ACCEPTED),
    *(
        (f"{state}, scheduled", {"state": state, "scheduled_at": AT + 6 * DAY}, age, Finding.ASK)
        for state, age in ((State.UNKNOWN, 6 * DAY + 600), (State.QUEUED, 8 * DAY))
    ),
    *(
        (f"{state}, outcome due", {"state": state, **DUE}, 900, Finding.OUTCOME_STUCK)
        for state in (State.FAILED, State.DELIVERED, State.SENT, State.UNKNOWN)
    ),
    ("next try", {**DUE, "outcome_next_try_at": AT + 7200}, 8100, Finding.OUTCOME_STUCK),
    ("leased", {**DUE, "outcome_lease_until": AT + 100}, 1000, Finding.OUTCOME_STUCK),
]


@pytest.mark.parametrize(
    ("changes", "age", "finding"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS]
)
def test_nothing_is_wrong_with_a_message_until_its_time_is_over(
    changes: dict[str, Any], age: float, finding: Finding
) -> None:
    message = a_message(**changes)

    assert [found(message, one) for one in (0, age, age + 1, EVER)] == [None, None] + [finding] * 2


@pytest.mark.parametrize(
    "changes",
    [
        *({"state": state} for state in sorted(FINAL)),
        DUE | {"outcome_reported_at": AT},
        DUE | {"outcome_given_up": "moengage_404"},
    ],
    ids=[*sorted(FINAL), "reported", "given up"],
)
def test_nothing_is_ever_wrong_with_a_message_that_has_come_to_its_end(
    changes: dict[str, Any],
) -> None:
    assert found(a_message(**changes), EVER) is None


@pytest.mark.parametrize(
    ("state", "asked_from"), [(State.UNKNOWN, 600), (State.SENDING, 600), (State.SENT, 2 * DAY)]
)
class TestTheLogsAnswer:
    """The log is asked first, always; the time to resolve a message counts from its answer."""

    def test_the_time_counts_from_the_first_answer(self, state: State, asked_from: int) -> None:
        answered = asked_from + 500_000
        message = a_message(state=state, log_answered_at=AT + answered)

        assert found(message, answered + DAY) is Finding.ASK
        assert found(message, answered + DAY + 1) is Finding.OVERDUE
        assert not needs_log_answer(message, TIMEOUTS)

    def test_an_answer_from_before_the_log_had_to_be_asked_does_not_count(
        self, state: State, asked_from: int
    ) -> None:
        early = a_message(state=state, log_answered_at=AT + asked_from - 1)
        again = {"accepted_at": AT + DAY, "attempt": 2, "attempt_at": AT + DAY}
        about_an_earlier_attempt = a_message(state=state, log_answered_at=AT + DAY, **again)

        for message in (early, about_an_earlier_attempt):
            assert found(message, EVER) is Finding.ASK
            assert needs_log_answer(message, TIMEOUTS)


MIDNIGHT = 1_795_564_800.0


class TestWhichMessagesARunLooksAt:
    @pytest.mark.parametrize(
        ("time_of_day", "age"),
        [(0, 0), (3599, 0), (3600, 90_000), (4499, 90_000), (4500, 3600), (DAY - 1, 3600)],
    )
    def test_old_messages_are_looked_at_rarely(self, time_of_day: int, age: float) -> None:
        now = MIDNIGHT + time_of_day

        assert span_to_look_at(now, now, 600)[0] == (now - age if age else 0.0)

    def test_a_run_that_was_not_scheduled_looks_at_all(self) -> None:
        assert span_to_look_at(0.0, MIDNIGHT + 43_200, 600)[0] == 0.0

    def test_a_run_every_five_minutes_looks_at_each_age_long_enough_to_read_an_export(self) -> None:
        runs = [MIDNIGHT + 300 * number for number in range(288)]
        looks = [span_to_look_at(run, run, 600)[0] <= MIDNIGHT - EVER for run in runs]

        assert looks == [True] * 12 + [False] * 276

    @pytest.mark.parametrize(("unknown", "youngest"), [(600, 300), (60, 60)])
    def test_young_messages_are_on_their_way(self, unknown: int, youngest: int) -> None:
        assert span_to_look_at(AT, AT, unknown)[1] == AT - youngest


@given(st.sampled_from(State), st.integers(0, 400_000), st.integers(0, 400_000))
def test_what_is_found_never_becomes_less_with_time(state: State, age: int, later: int) -> None:
    order = [None, Finding.ASK, Finding.NEVER_SENT, Finding.OVERDUE]
    message = a_message(state=state)

    assert order.index(found(message, age)) <= order.index(found(message, age + later))


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"state": State.UNKNOWN}, 300),
        ({"state": State.SENDING}, 900),
        # The last attempt counts and not when the message was accepted.
        ({"state": State.UNKNOWN, "attempt": 2, "attempt_at": AT + 1000}, 1300),
        ({"state": State.UNKNOWN, "scheduled_at": AT + 6 * DAY}, 6 * DAY + 300),
    ],
    ids=str,
)
def test_only_what_8x8_created_well_after_it_proves_that_a_message_is_absent(
    changes: dict[str, Any], seconds: float
) -> None:
    message = a_message(**changes)

    # An empty log has no newest message.
    assert not any(is_proven_absent(message, newest) for newest in (0.0, AT, AT + seconds))
    assert is_proven_absent(message, AT + seconds + 0.001)


def test_nothing_proves_that_a_message_is_absent_which_8x8_accepted() -> None:
    assert not is_proven_absent(a_message(state=State.QUEUED), AT + EVER)
