"""Start-up: everything before the first event."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    instructions: float
    cpu: float


def start_ups(functions: Sequence[Function], *, counts: int, times: int) -> dict[str, StartUp]:
    """Start each function again and again, one after the other.

    Parameters
    ----------
    counts
        How often under valgrind, whose counts hardly differ.
    times
        How often without.
    """
    instructions: dict[str, list[float]] = {function.name: [] for function in functions}
    cpu: dict[str, list[float]] = {function.name: [] for function in functions}
    for _ in range(counts if has_valgrind() else 0):
        for function in functions:
            instructions[function.name].append(count_instructions(function))
    for _ in range(times):
        for function in functions:
            cpu[function.name].append(take_times(function).started_cpu)
    return {
        function.name: StartUp(
            median(instructions[function.name] or [0.0]), median(cpu[function.name])
        )
        for function in functions
    }
