"""When an outcome is told again."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.reporting import (
    WAITS,
    Breaker,
    ReportVerdict,
    is_exhausted,
    seconds_before_next_try,
    seconds_before_passing_on_again,
)


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


def test_an_outcome_is_reported_twelve_times_at_most() -> None:
    assert [tries for tries in range(1, 20) if is_exhausted(tries)] == list(range(12, 20))


@pytest.mark.parametrize(
    ("age", "seconds"),
    [(0, 60), (100, 60), (600, 300), (14_400, 7200), (86_400, 7200), (86_401, None)],
)
def test_an_opt_out_is_synced_again_for_a_day(age: float, seconds: int | None) -> None:
    assert seconds_before_passing_on_again(age) == seconds


class TestBreaker:
    NOW = 1_795_000_000.0

    def after(self, *verdicts: ReportVerdict) -> Breaker:
        breaker = Breaker()
        for verdict in verdicts:
            breaker.note(verdict, self.NOW)
        return breaker

    def waits(self, breaker: Breaker, seconds: float = 0.0) -> int:
        return breaker.seconds_to_wait(self.NOW + seconds, 0.0)

    @pytest.mark.parametrize(
        ("failures", "waits"), [(0, False), (1, False), (4, False), (5, True), (6, True)]
    )
    def test_it_opens_after_five_failures_in_a_row(self, failures: int, waits: bool) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * failures)

        assert bool(self.waits(breaker)) is waits

    @pytest.mark.parametrize("verdict", [ReportVerdict.ACKNOWLEDGED, ReportVerdict.REFUSED])
    def test_an_answer_of_any_kind_shows_that_moengage_is_there(
        self, verdict: ReportVerdict
    ) -> None:
        again = [ReportVerdict.RETRY] * 4
        breaker = self.after(*again, verdict, *again)

        assert self.waits(breaker) == 0

    def test_after_the_break_one_is_let_through_and_its_failure_breaks_again(self) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 5)
        assert self.waits(breaker, 29.9) > 0
        assert self.waits(breaker, 30) == 0

        breaker.note(ReportVerdict.RETRY, self.NOW + 30)

        assert self.waits(breaker, 30) > 0

    def test_the_breaks_grow_to_five_minutes_and_end_with_an_acknowledgement(
        self,
    ) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 4)
        breaks, now = [], 0.0
        for _ in range(7):
            breaker.note(ReportVerdict.RETRY, self.NOW + now)
            length = 0
            while self.waits(breaker, now + length):
                length += 1
            breaks.append(length)
            now += length
        assert breaks == [30, 60, 120, 240, 300, 300, 300]

        breaker.note(ReportVerdict.ACKNOWLEDGED, self.NOW + now)
        for _ in range(5):
            breaker.note(ReportVerdict.RETRY, self.NOW + now)
        assert self.waits(breaker, now + 29) > 0
        assert self.waits(breaker, now + 30) == 0

    @given(st.lists(st.floats(0, 1), min_size=2, max_size=50), st.floats(0, 29))
    def test_what_waits_comes_back_after_the_break_and_spread(
        self, chances: list[float], seconds: float
    ) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 5)

        waits = [breaker.seconds_to_wait(self.NOW + seconds, chance) for chance in chances]

        assert all(seconds + wait >= 30 for wait in waits)
        assert all(wait <= 600 for wait in waits)

    def test_those_that_fail_side_by_side_are_one_break(self) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 20)

        assert self.waits(breaker, 29.9) > 0
        assert self.waits(breaker, 30) == 0

    def test_while_one_finds_out_the_others_wait(self) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 5)

        assert self.waits(breaker, 30) == 0
        assert self.waits(breaker, 30) > 0

        breaker.note(ReportVerdict.ACKNOWLEDGED, self.NOW + 31)
        assert [self.waits(breaker, 31), self.waits(breaker, 31)] == [0, 0]

    def test_one_that_never_comes_back_is_followed_by_another(self) -> None:
        breaker = self.after(*[ReportVerdict.RETRY] * 5)
        assert self.waits(breaker, 30) == 0

        assert [self.waits(breaker, 30 + seconds) > 0 for seconds in (5.9, 6)] == [True, False]

    @given(st.lists(st.floats(0.1, 50), max_size=60))
    def test_while_moengage_is_down_no_burst_is_let_through(self, pauses: list[float]) -> None:
        """One at a time, and never two within a break."""
        breaker, now, tells = Breaker(), self.NOW, []
        for pause in pauses:
            now += pause
            if breaker.seconds_to_wait(now, 0.0) == 0:
                tells.append(now)
                breaker.note(ReportVerdict.RETRY, now)

        after = tells[4:]
        assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(after))
