"""The bench measures what a claim costs nearly always."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scenario import wait_within_a_period
from sms_bridge.domain.duplicates import CLOCK_SKEW, seconds_a_window
from tests.fakes.clock import TurnableClock

WINDOW = 120
PERIOD = seconds_a_window(WINDOW)
BEGINNING = 1_795_000_000 // PERIOD * PERIOD


@pytest.mark.parametrize(
    ("since_it_began", "waits"),
    [(0, 125), (100, 25), (125, 0), (2_000, 0), (PERIOD - 90, 0), (PERIOD - 10, 135)],
)
def test_it_waits_at_the_border_of_two_periods(since_it_began: int, waits: int) -> None:
    clock = TurnableClock(BEGINNING + since_it_began)

    wait_within_a_period(WINDOW, clock, clock.sleep)

    assert clock.now == BEGINNING + since_it_began + waits


@given(st.floats(0, 1e9))
def test_from_then_on_no_claim_closes_a_chain(seconds: float) -> None:
    clock = TurnableClock(BEGINNING + seconds)

    wait_within_a_period(WINDOW, clock, clock.sleep)

    assert WINDOW + CLOCK_SKEW - 0.01 <= clock() % PERIOD <= PERIOD - 89.99
