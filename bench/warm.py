"""Warm invocations: what one costs, as the difference of runs that differ by invocations alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.runs import Function, Timed, count_instructions, take_times


@dataclass(frozen=True)
class Work:
    """A function and what it is given.

    Attributes
    ----------
    events
        Enough for the longer run.
    units
        Messages, receipts or outcomes in one event.
    prepare
        Called before each run, so that each finds the same.
    """

    name: str
    function: Function
    events: Sequence[Any]
    prepare: Callable[[], None]
    units: int = 1


@dataclass(frozen=True)
class Cost:
    """What a warm invocation, or a unit of it, takes.

    Attributes
    ----------
    instructions
        0 where they cannot be counted.
    cpu, wall
        Seconds.
    """

    instructions: float
    cpu: float
    wall: float


def per_invocation(shorter: float, longer: float, few: int, many: int) -> float:
    """Return the cost of one invocation from the costs of a short and a long run.

    Raises
    ------
    ValueError
        The runs do not differ.
    """
    if many <= few:
        raise ValueError("the second run has to be longer")
    return (longer - shorter) / (many - few)


def instructions_of(work: Work, *, few: int, many: int) -> float:
    """Count the instructions of a unit."""
    counts = []
    for most in (few, many):
        work.prepare()
        counts.append(count_instructions(work.function, work.events[:many], most))
    return per_invocation(counts[0], counts[1], few, many) / work.units


def timed(work: Work, *, skip: int) -> tuple[float, float, Timed]:
    """Run all events; returns the median CPU and wall time of a unit after the first ``skip``."""
    work.prepare()
    run = take_times(work.function, work.events, most=len(work.events))
    warm = run.invocations[skip:]
    wall, cpu = (median(times) / work.units for times in zip(*warm, strict=True))
    return cpu, wall, run


def interleaved(
    works: Sequence[Work],
    *,
    rounds: int,
    skip: int,
    choose: Callable[[Iterable[float]], float] = median,
) -> dict[str, tuple[float, float]]:
    """Time many, one after the other, again and again; returns CPU and wall time of each.

    A machine that gets slower meanwhile does so for all of them.

    Parameters
    ----------
    choose
        Which of the rounds counts.
    """
    found: dict[str, list[tuple[float, float]]] = {work.name: [] for work in works}
    for _ in range(rounds):
        for work in works:
            cpu, wall, _ = timed(work, skip=skip)
            found[work.name].append((cpu, wall))
    return {
        name: (choose(cpu for cpu, _ in times), choose(wall for _, wall in times))
        for name, times in found.items()
    }
