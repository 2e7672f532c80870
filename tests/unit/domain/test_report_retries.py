"""When an outcome is told again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.reporting import (
    LEASE_SECONDS,
    WAITS,
    seconds_before_next_try,
    seconds_before_passing_on_again,
    seconds_while_circuit_is_open,
)


def wait_after(tries: int, chance: float = 0.5, retry_after: float | None = None) -> int:
    wait = seconds_before_next_try(tries, chance, retry_after)
    assert wait is not None
    return wait


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [(1, 5), (2, 30), (3, 120), (4, 300), (5, 900), (6, 1800), (9, 7200), (11, 7200)],
)
def test_the_waits_grow(tries: int, seconds: int) -> None:
    assert wait_after(tries) == seconds


def test_the_waits_last_for_about_nine_hours() -> None:
    assert 8 * 3600 < sum(WAITS) < 10 * 3600


@given(st.integers(1, len(WAITS)), st.floats(0, 1))
def test_chance_spreads_a_wait_by_a_fifth_to_both_sides(tries: int, chance: float) -> None:
    planned = wait_after(tries)

    assert abs(wait_after(tries, chance) - planned) <= planned * 0.2 + 0.5


@given(st.integers(1, len(WAITS)), st.floats(0, 1), st.floats(0, 1e9))
def test_retry_after_only_lengthens_a_wait_and_by_an_hour_at_most(
    tries: int, chance: float, retry_after: float
) -> None:
    without = wait_after(tries, chance)
    wait = wait_after(tries, chance, retry_after)

    assert without <= wait <= max(without, 3600)
    assert wait >= min(retry_after, 3600) - 0.5


@given(st.integers(1, len(WAITS)), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_sqs_can_hide_a_message_for_any_wait(
    tries: int, chance: float, retry_after: float | None
) -> None:
    assert 0 < wait_after(tries, chance, retry_after) <= 12 * 3600


def test_an_outcome_is_reported_twelve_times_at_most() -> None:
    has_wait = [seconds_before_next_try(tries, chance=0.5) is not None for tries in range(1, 20)]

    assert has_wait == [True] * 11 + [False] * 8


@pytest.mark.parametrize(
    ("age", "retry_after", "seconds"),
    [
        *((0, None, 60), (100, None, 60), (600, None, 300), (14_400, None, 7200)),
        *((86_400, None, 7200), (86_401, None, None)),
        *((0, 90, 90), (600, 90, 300), (0, 1e6, 3600), (86_401, 90, None)),
    ],
)
def test_an_opt_out_is_synced_again_for_a_day(
    age: float, retry_after: float | None, seconds: int | None
) -> None:
    assert seconds_before_passing_on_again(age, retry_after) == seconds


@pytest.mark.parametrize(
    ("age", "seconds"), [(0, 50), (49, 50), (120, 120), (300, 300), (86_400, 300)]
)
def test_while_moengage_is_down_an_outcome_waits_as_long_again_as_it_has(
    age: float, seconds: int
) -> None:
    assert seconds_while_circuit_is_open(age, chance=0.5) == seconds


@given(st.floats(-5, 1e6), st.floats(0, 1))
def test_what_waits_for_moengage_is_leased_for_long_enough_and_comes_back_spread(
    age: float, chance: float
) -> None:
    planned = seconds_while_circuit_is_open(age, chance=0.5)
    wait = seconds_while_circuit_is_open(age, chance)

    assert LEASE_SECONDS <= wait <= 360
    assert abs(wait - planned) <= planned * 0.2 + 0.5
