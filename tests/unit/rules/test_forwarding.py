"""When an outcome is told again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.rules.forwarding import WAITS, Hearing, hearing_of, seconds_before_next_try


@pytest.mark.parametrize(
    ("hearing", "statuses"),
    [
        (Hearing.HEARD, [200, 201, 202, 204, 299]),
        (Hearing.REFUSED, [400, 401, 403, 404, 405, 410, 413, 422, 499]),
        (Hearing.AGAIN, [301, 302, 307, 408, 429, 500, 502, 503, 504, 599, 199]),
    ],
)
def test_moengages_answers(hearing: Hearing, statuses: list[int]) -> None:
    assert {hearing_of(status) for status in statuses} == {hearing}


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [(1, 5), (2, 30), (3, 120), (4, 300), (5, 900), (6, 1800), (9, 7200), (11, 7200), (99, 7200)],
)
def test_the_waits_grow(tries: int, seconds: int) -> None:
    assert seconds_before_next_try(tries, chance=0.5) == seconds


def test_the_waits_last_for_about_nine_hours() -> None:
    assert 8 * 3600 < sum(WAITS) < 10 * 3600


@given(st.integers(1, 40), st.floats(0, 1))
def test_chance_spreads_a_wait_by_a_fifth_to_both_sides(tries: int, chance: float) -> None:
    planned = seconds_before_next_try(tries, chance=0.5)

    assert abs(seconds_before_next_try(tries, chance) - planned) <= planned * 0.2 + 0.5


@given(st.integers(1, 40), st.floats(0, 1), st.floats(0, 1e9))
def test_retry_after_only_lengthens_a_wait_and_by_an_hour_at_most(
    tries: int, chance: float, retry_after: float
) -> None:
    without = seconds_before_next_try(tries, chance)
    wait = seconds_before_next_try(tries, chance, retry_after)

    assert without <= wait <= max(without, 3600)
    assert wait >= min(retry_after, 3600) - 0.5


@given(st.integers(1, 40), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_sqs_can_hide_a_message_for_any_wait(
    tries: int, chance: float, retry_after: float | None
) -> None:
    assert 0 < seconds_before_next_try(tries, chance, retry_after) <= 12 * 3600
