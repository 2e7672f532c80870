"""What MoEngage is told, and when."""

from typing import Any

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus, Receipt, State
from sms_bridge.domain.outcome import outcome_of_receipt, seconds_before_reporting
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    AT,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_message,
    a_receipt,
    plain,
)


@pytest.mark.parametrize(
    "receipt",
    [
        *map(a_receipt, ("queued", "sent", "teleported")),
        a_receipt("undelivered", state=State.DEFERRED),
    ],
)
def test_a_receipt_that_is_not_final_brings_no_outcome(receipt: Receipt) -> None:
    assert outcome_of_receipt(receipt) is None


@pytest.mark.parametrize("state", ["delivered", "read"])
def test_what_reached_the_phone_is_delivered(state: str) -> None:
    receipt = a_receipt(state, error_code="7", error_message="beside the point")

    assert plain(outcome_of_receipt(receipt)) == plain(Outcome(OutcomeStatus.DELIVERED))


FAILURES: list[tuple[str, dict[str, Any], str, str]] = [
    ("undelivered", {"error_code": "1", "error_message": "Absent"}, "_1", "Absent"),
    ("undelivered", {"detail": "undelivered_to_recipient"}, "", "undelivered to recipient"),
    ("undelivered", {}, "", ""),
    ("rejected", {"error_code": "43", "error_message": "Spam"}, "_43", "Spam"),
    ("rejected", {"detail": "rejected_by_operator"}, "", "rejected by operator"),
]


@pytest.mark.parametrize(("state", "facts", "suffix", "description"), FAILURES)
def test_a_failure_has_a_stable_code_and_words(
    state: str, facts: dict[str, Any], suffix: str, description: str
) -> None:
    assert plain(outcome_of_receipt(a_receipt(state, **facts))) == plain(
        Outcome(OutcomeStatus.FAILED, f"eightx8_{state}{suffix}", description)
    )


def test_a_result_of_sending_brings_an_outcome_only_when_it_is_the_end() -> None:
    assert [one.outcome for one in (ACCEPTED, AMBIGUOUS, THROTTLED, NOT_SENT)] == [None] * 4
    for result in (REJECTED, REFUSED):
        failure = Outcome(OutcomeStatus.FAILED, result.reason, result.description)
        assert plain(result.outcome) == plain(failure)


@pytest.mark.parametrize(
    ("seconds_since_accepted", "wait"),
    [(0, 6), (0.4, 6), (2, 4), (5.4, 1), (6, 0), (7, 0), (86_400, 0), (-60, 6)],
)
def test_an_outcome_is_reported_when_moengage_knows_the_id(
    seconds_since_accepted: float, wait: int
) -> None:
    accepted_at = 1_795_000_000.0

    assert seconds_before_reporting(accepted_at, accepted_at + seconds_since_accepted) == wait


OPEN = {"state": State.DELIVERED, "outcome": Outcome(OutcomeStatus.DELIVERED), "outcome_due_at": AT}


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({}, True),
        ({"outcome": None}, False),
        ({"accepted_at": ""}, False),
        ({"outcome_reported_at": AT}, False),
        ({"outcome_given_up": "moengage_404"}, False),
    ],
)
def test_an_outcome_is_open_until_it_is_reported_or_given_up(
    changes: dict[str, Any], is_open: bool
) -> None:
    assert a_message(**{**OPEN, **changes}).outcome_is_open is is_open
