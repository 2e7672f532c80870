"""Start-up: everything before the first event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.runs import Function, count_instructions, has_valgrind, take_times


@dataclass(frozen=True)
class StartUp:
    """What the start of a function takes; medians.

    Attributes
    ----------
    instructions
        0 where they cannot be counted.
    cpu
        Seconds.
    calls
        What it asked of other services, in words.
    differs
        Whether it asked something else under valgrind, where time limits are shorter than they
        seem: then the instructions are those of another start.
    """

    instructions: float
    cpu: float
    calls: str
    differs: bool


def start_ups(
    functions: Sequence[Function],
    calls: Callable[[], Counter[str]],
    *,
    counts: int,
    times: int,
) -> dict[str, StartUp]:
    """Start each function again and again, one after the other.

    Parameters
    ----------
    calls
        Returns the calls that were made since it was last asked.
    counts
        How often under valgrind, whose counts hardly differ.
    times
        How often without.
    """
    instructions: dict[str, list[float]] = {function.name: [] for function in functions}
    cpu: dict[str, list[float]] = {function.name: [] for function in functions}
    made: dict[str, list[Counter[str]]] = {function.name: [] for function in functions}
    calls()
    for _ in range(times):
        for function in functions:
            cpu[function.name].append(take_times(function).started_cpu)
            made[function.name].append(calls())
    for _ in range(counts if has_valgrind() else 0):
        for function in functions:
            instructions[function.name].append(count_instructions(function))
            made[function.name].append(calls())
    return {
        function.name: StartUp(
            instructions=median(instructions[function.name] or [0.0]),
            cpu=median(cpu[function.name]),
            calls=", ".join(made[function.name][0]),
            differs=any(one != made[function.name][0] for one in made[function.name]),
        )
        for function in functions
    }
