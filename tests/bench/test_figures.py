"""The bench's own arithmetic: what is counted, divided and compared."""

import json
from pathlib import Path

import pytest

from bench.figures import (
    AS_PEOPLE_WRITE_IT,
    MARGIN,
    MARGIN_OF_TIMES,
    Figure,
    read_recorded,
    record,
    regressions,
)
from bench.runs import RunFailedError, instructions_in
from bench.warm import per_invocation

VALGRIND = """\
==25239== Cachegrind, a cache and branch-prediction profiler
==25239== Command: python3.13 worker.py
--25239-- warning: L3 cache found, using its data for the LL simulation.
==25239==
==25239== I   refs:      1,260,646,894
"""


def test_valgrinds_count_is_read() -> None:
    assert instructions_in(VALGRIND) == 1_260_646_894


@pytest.mark.parametrize("output", ["", "==1== Command: python3.13", "I refs: many"])
def test_a_run_without_a_count_is_no_run(output: str) -> None:
    with pytest.raises(RunFailedError, match="counted nothing"):
        instructions_in(output)


def test_the_start_falls_out_of_a_warm_invocation() -> None:
    start, invocation = 1_000_000, 250

    cost = per_invocation(start + 20 * invocation, start + 80 * invocation, 20, 80)

    assert cost == invocation


def test_two_runs_of_the_same_length_tell_nothing() -> None:
    with pytest.raises(ValueError, match="longer"):
        per_invocation(1, 2, 20, 20)


@pytest.mark.parametrize(
    ("value", "reach", "verdict"),
    [(2.5, 2.5, "reached"), (2.51, 2.5, "NOT REACHED"), (9.0, None, "")],
)
def test_a_figure_is_reached_or_not(value: float, reach: float | None, verdict: str) -> None:
    assert Figure("warm", value, reach).verdict == verdict


@pytest.mark.parametrize("is_time", [False, True])
def test_only_more_than_the_margin_is_a_regression(is_time: bool) -> None:
    margin = MARGIN_OF_TIMES if is_time else MARGIN
    within = Figure("start-up", 4.0 * (1 + margin) - 0.001, is_time=is_time)
    beyond = Figure("start-up", 4.0 * (1 + margin) + 0.001, is_time=is_time)

    assert regressions([within], {"start-up": 4.0}) == []
    assert len(regressions([beyond], {"start-up": 4.0})) == 1


def test_better_and_new_figures_are_no_regressions() -> None:
    figures = [Figure("start-up", 3.0), Figure("new", 1e9)]

    assert regressions(figures, {"start-up": 4.0, "gone": 1.0}) == []


def test_what_the_baseline_costs_is_no_regression() -> None:
    dearer = Figure(f"start-up of send_sms {AS_PEOPLE_WRITE_IT}", 30.0)

    assert regressions([dearer], {dearer.name: 20.0}) == []


def test_recorded_figures_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"

    record([Figure("start-up", 15.442652811), Figure("writes", 4)], file)

    assert read_recorded(file) == {"start-up": 15.44, "writes": 4.0}
    assert json.loads(file.read_text()) == read_recorded(file)


def test_nothing_recorded_is_nothing_to_be_held_against(tmp_path: Path) -> None:
    assert read_recorded(tmp_path / "none.json") == {}
