"""Time as the bridge writes it down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.clock import seconds_of, timestamp


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_000_000, "2026-11-18T11:06:40.000Z"),
        (1_795_000_000.125, "2026-11-18T11:06:40.125Z"),
    ],
)
def test_a_time_is_iso_8601_in_utc_with_milliseconds(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text


@given(st.integers(0, 4_000_000_000_000), st.integers(2, 4_000_000_000_000))
def test_a_time_that_was_written_can_be_read_and_sorts_before_later_ones(
    milliseconds: int, more: int
) -> None:
    written = timestamp(milliseconds / 1000)

    assert abs(seconds_of(written) - milliseconds / 1000) <= 0.001
    assert written < timestamp((milliseconds + more) / 1000)


def test_times_with_another_offset_can_be_read() -> None:
    assert seconds_of("2026-11-18T19:06:40+08:00") == 1_795_000_000
