"""`make bench`: measures what `sam build` made, each figure against its baseline."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import artifact
from bench.figures import Figure, read_recorded, record, regressions
from bench.runs import RunFailedError, has_valgrind, take_times
from bench.scenario import Scenario
from bench.standins.running import StandIns, running_standins
from bench.start import start_ups
from bench.warm import Work, instructions_of, interleaved

START_MOST = {
    "send_sms": 6.0,
    "receive_callback": 8.0,
    "forward_outcome": 8.0,
    "dispatch_queue": 8.0,
    "look_up_message": 12.0,
    "reconcile": 12.0,
}
WARM_MOST = 2.5


@dataclass(frozen=True)
class Thoroughness:
    """How often things are done."""

    counts: int
    times: int
    few: int
    many: int
    rounds: int


QUICK = Thoroughness(counts=1, times=3, few=10, many=30, rounds=3)
FULL = Thoroughness(counts=3, times=7, few=20, many=80, rounds=7)


def start_figures(standins: StandIns, how: Thoroughness) -> list[Figure]:
    """Measure the start-up of every function, as a multiple of a bare handler."""
    bare = artifact.plain(artifact.BARE)
    functions = [artifact.function(name, standins) for name in artifact.FUNCTIONS]
    found = start_ups([bare, *functions], counts=how.counts, times=how.times)
    least = found["bare"]
    figures = []
    for name in artifact.FUNCTIONS:
        cpu = found[name].cpu / least.cpu
        ratio = found[name].instructions / least.instructions if has_valgrind() else cpu
        note = f"{found[name].instructions / 1e6:.0f} M instructions, " if has_valgrind() else ""
        note += f"{cpu:.1f} x the CPU time"
        figures.append(Figure(f"start-up {name}", ratio, START_MOST.get(name), note))
    return figures


def unreachable_figures() -> list[str]:
    """Start every function where nothing answers; returns what broke."""
    broken = []
    for name in artifact.FUNCTIONS:
        try:
            take_times(artifact.function(name, None))
        except RunFailedError as error:
            broken.append(str(error).strip().rpartition("\n")[2])
    return broken


def warm_figures(scenario: Scenario, how: Thoroughness) -> list[Figure]:
    """Measure warm invocations as multiples of a naked POST."""
    naked = scenario.naked()
    works = [
        scenario.send("transactional"),
        scenario.send("promotional"),
        scenario.receipts("sent"),
        scenario.receipts("delivered"),
    ]
    times = interleaved([naked, *works], rounds=how.rounds, skip=how.few)
    least = instructions_of(naked, few=how.few, many=how.many) if has_valgrind() else 0.0
    return [_warm_figure(work, naked.name, least, times, how) for work in works]


def _warm_figure(
    work: Work,
    naked: str,
    least: float,
    times: dict[str, tuple[float, float]],
    how: Thoroughness,
) -> Figure:
    cpu, wall = (of / by for of, by in zip(times[work.name], times[naked], strict=True))
    ratio, note = cpu, f"{cpu:.1f} x the CPU time, {wall:.1f} x the time"
    if least:
        instructions = instructions_of(work, few=how.few, many=how.many)
        ratio = instructions / least
        note = f"{instructions / 1e6:.2f} M instructions, {note}"
    return Figure(f"warm {work.name}", ratio, WARM_MOST, note)


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--built", action="store_true", help="measure what was built before")
    parser.add_argument("--record", action="store_true", help="write bench/recorded.json")
    arguments = parser.parse_args()
    how = QUICK if arguments.quick else FULL
    if not arguments.built:
        artifact.build()
    figures: list[Figure] = []

    def show(more: list[Figure]) -> None:
        figures.extend(more)
        for figure in more:
            mark = {None: "", True: "reached", False: "NOT REACHED"}[figure.is_reached]
            most = "" if figure.reach is None else f"<= {figure.reach:g}"
            print(
                f"{figure.name:36} {figure.value:8.2f} x {most:8} {mark:12} {figure.how}",
                flush=True,
            )

    with (
        tempfile.TemporaryDirectory(prefix="sms-bridge-bench-") as folder,
        running_standins(artifact.indexes(), Path(folder)) as standins,
    ):
        show(start_figures(standins, how))
        for one in unreachable_figures():
            print(f"breaks at start where nothing answers: {one}")
        show(warm_figures(Scenario(standins, how.many), how))

    worse = regressions(figures, read_recorded())
    for one in worse:
        print(f"worse than recorded: {one}")
    if arguments.record:
        record(figures)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
