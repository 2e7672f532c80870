"""What MoEngage is told, and when."""

from typing import Any

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus, Receipt, State
from tests.builders import (
    AT,
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
    assert receipt.outcome is None


@pytest.mark.parametrize("state", ["delivered", "read"])
def test_what_reached_the_phone_is_delivered(state: str) -> None:
    receipt = a_receipt(state, error_code="7", error_message="beside the point")

    assert plain(receipt.outcome) == plain(Outcome(OutcomeStatus.DELIVERED))


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
    assert plain(a_receipt(state, **facts).outcome) == plain(
        Outcome(OutcomeStatus.FAILED, f"eightx8_{state}{suffix}", description)
    )


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
