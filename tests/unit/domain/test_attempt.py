"""When a message may be sent again, by what is known of an attempt."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.attempt import AmbiguousSendPolicy, SendResult
from sms_bridge.domain.message import State
from tests.builders import ACCEPTED, AMBIGUOUS, NOT_SENT, REFUSED, REJECTED, THROTTLED

HOLD, RESEND = AmbiguousSendPolicy


@pytest.mark.parametrize(
    ("result", "hold", "resend"),
    [
        (ACCEPTED, State.QUEUED, State.QUEUED),
        (REFUSED, State.FAILED, State.FAILED),
        (REJECTED, State.REJECTED, State.REJECTED),
        (THROTTLED, State.WAITING, State.WAITING),
        (NOT_SENT, State.WAITING, State.WAITING),
        (AMBIGUOUS, State.UNKNOWN, State.WAITING),
    ],
    ids=lambda value: value.reason if isinstance(value, SendResult) else value,
)
def test_only_a_message_that_waits_is_sent_again_at_once(
    result: SendResult, hold: State, resend: State
) -> None:
    for policy, state in ((HOLD, hold), (RESEND, resend)):
        assert policy.state_after(result) is state
        at_once = policy.pause_before_trying_at_once(result, tries=1, seconds_left=3.0, chance=0.5)
        assert (at_once is not None) is (state is State.WAITING)


@pytest.mark.parametrize(
    ("result", "hold", "resend"),
    [(REFUSED, State.FAILED, State.UNKNOWN), (REJECTED, State.REJECTED, State.REJECTED)],
    ids=("refused", "rejected"),
)
def test_a_refusal_is_not_the_end_where_another_attempt_may_have_arrived(
    result: SendResult, hold: State, resend: State
) -> None:
    assert HOLD.state_after(result, ambiguous=True) is hold
    assert RESEND.state_after(result, ambiguous=True) is resend


def pause(
    result: SendResult, *, tries: int = 1, seconds_left: float = 60.0, chance: float = 0.5
) -> float | None:
    return HOLD.pause_before_trying_at_once(
        result, tries=tries, seconds_left=seconds_left, chance=chance
    )


def throttled(retry_after: float | None) -> SendResult:
    return replace(THROTTLED, retry_after=retry_after)


class TestAtOnce:
    @pytest.mark.parametrize(
        ("result", "tries", "seconds"),
        [
            (NOT_SENT, 1, 0.2),
            (NOT_SENT, 2, 0.4),
            (NOT_SENT, 3, None),
            (THROTTLED, 1, 1.0),
            (THROTTLED, 2, 1.0),
            (throttled(2), 1, 2.0),
            (throttled(0), 1, 1.0),
            (replace(NOT_SENT, retry_after=5), 1, 5.0),
        ],
        ids=str,
    )
    def test_the_pauses(self, result: SendResult, tries: int, seconds: float | None) -> None:
        assert pause(result, tries=tries) == seconds

    @given(st.floats(0, 10), st.floats(0, 1), st.none() | st.floats(0, 10))
    def test_no_pause_is_longer_than_the_time_that_is_left(
        self, left: float, chance: float, retry_after: float | None
    ) -> None:
        planned = pause(throttled(retry_after), chance=chance)
        in_time = pause(throttled(retry_after), chance=chance, seconds_left=left)

        assert planned is not None
        assert in_time == (planned if planned < left else None)


class TestInTheQueue:
    @pytest.mark.parametrize(
        ("tries", "seconds"),
        [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (10_000, 300)],
    )
    def test_the_waits_grow_to_five_minutes(self, tries: int, seconds: int) -> None:
        assert NOT_SENT.wait_in_queue(tries=tries, chance=0.5) == seconds

    @given(st.integers(1, 100), st.floats(0, 1))
    def test_chance_spreads_a_wait_by_a_fifth_to_both_sides(
        self, tries: int, chance: float
    ) -> None:
        planned = NOT_SENT.wait_in_queue(tries=tries, chance=0.5)
        wait = NOT_SENT.wait_in_queue(tries=tries, chance=chance)

        assert abs(wait - planned) <= planned * 0.2 + 0.5

    @given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 1e9))
    def test_retry_after_only_lengthens_and_by_a_quarter_of_an_hour_at_most(
        self, tries: int, chance: float, retry_after: float
    ) -> None:
        without = throttled(None).wait_in_queue(tries=tries, chance=chance)
        wait = throttled(retry_after).wait_in_queue(tries=tries, chance=chance)

        # SQS delays a record for a quarter of an hour at most.
        assert 1 <= without <= wait <= 900
        assert wait >= min(retry_after, 900) - 0.5
