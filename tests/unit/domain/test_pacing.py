"""How fast the send queue is worked off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.retry_policy import seconds_for


@pytest.mark.parametrize(
    ("messages", "rate", "at_once", "seconds"),
    [(100, 100.0, 1, 1.0), (100, 100.0, 5, 5.0), (50, 1800.0, 4, 1 / 9), (0, 10.0, 2, 0.0)],
)
def test_each_function_takes_its_share_of_the_rate(
    messages: int, rate: float, at_once: int, seconds: float
) -> None:
    assert seconds_for(messages, rate=rate, at_once=at_once) == pytest.approx(seconds)


def test_without_a_limit_nothing_waits() -> None:
    assert seconds_for(10_000, rate=0, at_once=10) == 0


@given(st.integers(1, 10_000), st.floats(0.1, 5000), st.integers(1, 1000))
def test_all_functions_together_keep_under_the_rate(
    messages: int, rate: float, at_once: int
) -> None:
    seconds = seconds_for(messages, rate=rate, at_once=at_once)

    assert at_once * messages / seconds == pytest.approx(rate)
