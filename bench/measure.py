"""What `make bench` measures, part by part."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import inf
from pathlib import Path
from statistics import median

from bench.artifact import Artifact, Run
from bench.bill import MILLION, billed_seconds, million, month, own_seconds
from bench.scenario import BATCH, NAKED_BODY, SMALL_BATCH, Life, Scenario, Work
from bench.template import Settings, Stack

FILE = Path(__file__).with_name("figures.json")
FIGURES: dict[str, dict[str, float]] = json.loads(FILE.read_text("utf-8"))
"""What each is to reach, was when it was recorded, and on 24 November 2026, when the project had an
AWS client, HTTP reader, JSON writer and logger of its own.
"""

USUAL = ", as people write it"
MARGIN = 0.10
"""By how much of itself a figure that repeats may be worse than recorded."""

MONTHS = (0, 10_000, 100_000, MILLION)
_MESSAGES = 32
_WARM = (2, 22)
_BATCHES = (1, 3)
_TIMES = 4  # of which the least CPU time counts
# The functions that a message meets.
_STARTS = ("send_sms", "dispatch_queue", "receive_callback", "forward_outcome")


@dataclass(frozen=True)
class Figure:
    """One measured ratio ("x") or count; less is better."""

    name: str
    value: float
    unit: str = "x"
    how: str = ""
    # Whether another run finds the same, as with instructions, counts and bytes. Times do not.
    repeats: bool = True

    @property
    def known(self) -> dict[str, float]:
        return FIGURES.get(self.name, {})

    @property
    def shown(self) -> str:
        value = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.3g}"
        return f"{value} {self.unit}".strip()

    @property
    def is_missed(self) -> bool:
        return self.value > self.known.get("to reach", inf)


def failures(figures: list[Figure]) -> Iterator[str]:
    """Give in words what fails the bench: what repeats, and is missed or got worse."""
    for figure in (one for one in figures if one.repeats and USUAL not in one.name):
        before = figure.known.get("recorded", figure.value)
        if figure.is_missed:
            yield f"{figure.name}: {figure.value:.4g}, to reach {figure.known['to reach']:g}"
        elif figure.value > before * (1 + MARGIN):
            yield f"{figure.name}: {figure.value:.4g}, recorded {before:.4g}"


class Bench:
    """The parts, in the order in which they are run."""

    def __init__(self, artifact: Artifact, stack: Stack) -> None:
        self.artifact = artifact
        self.standins = artifact.standins
        self.stack = stack
        make = partial(Scenario, artifact.standins, stack)
        self.ours = make(artifact.function, Settings.of(stack))
        self.theirs = make(artifact.baseline, Settings())

    def figures(self) -> Iterator[Figure]:
        for part in (self.starts, self.over_tls, self.warm_ones, self.counts):
            yield from part()

    @cached_property
    def bare(self) -> int:
        return self.artifact.plain("bare").instructions()

    def starts(self) -> Iterator[Figure]:
        """Starts over TLS, as multiples of a bare handler's."""
        functions = {name: self.ours.function(name, tls=True) for name in _STARTS}
        functions[f"send_sms{USUAL}"] = self.theirs.function("send_sms", tls=True)
        for name, function in functions.items():
            cpu = min(function.run().start_cpu for _ in range(_TIMES))
            self.standins.clear()
            counted, calls = function.instructions(), len(self.standins.exchanges)
            how = f"{counted / 1e6:.0f} M instructions; {cpu * 1000:.0f} ms CPU, {calls} calls"
            yield Figure(f"start of {name}", counted / self.bare, how=how)

    def over_tls(self) -> Iterator[Figure]:
        """The first send over a warm one, memory, and the time that a send computes."""
        memory = self.ours.settings.memory_mb
        for scenario, suffix in ((self.ours, ""), (self.theirs, USUAL)):
            work = scenario.send("promotional", _MESSAGES, tls=True)
            runs, counted = list[Run](), list[int]()
            for most in (0, 1, _WARM[1]):
                runs += [scenario.do(work) for _ in range(_TIMES)]
                counted.append(scenario.count(most, work))
            zero, one, many = counted
            first, warm = one - zero, (many - one) / (_WARM[1] - 1)
            how = f"{first / 1e6:.1f} over {warm / 1e6:.1f} M instructions"
            yield Figure(f"first send over a warm one{suffix}", first / warm, how=how)
            peak = median(run.peak_kb for run in runs) / 1024
            yield Figure(f"peak memory of send_sms{suffix}", peak, "MB")
            cpu, sends = min(run.cpu for run in runs), len(runs) * _MESSAGES
            how = f"at {memory} MB, over TLS; {cpu * 1000:.2f} ms CPU, the least of {sends} sends"
            own = own_seconds(cpu, memory) * 1000
            yield Figure(f"a send's own time{suffix}", own, "ms", how, repeats=False)

    def warm_ones(self) -> Iterator[Figure]:
        """Warm invocations as multiples of a naked POST: the difference of two runs."""
        events = [NAKED_BODY] * _MESSAGES
        naked = self._warm(Work("naked", self.artifact.plain("naked"), lambda: events))
        steps = self.ours.steps(_MESSAGES)
        queued = self.ours.steps(3 * self.stack.dispatch_batch, is_queued=True)
        works = [
            [self.ours.send("transactional", _MESSAGES)],
            *(steps[:count] for count in range(1, len(steps) + 1)),
            queued[:2],
            [self.ours.send("a batch, a message", 3 * SMALL_BATCH, SMALL_BATCH)],
            theirs := [self.theirs.send("promotional", _MESSAGES)],
        ]
        for one in works:
            counted = self._warm(*one)
            how = f"{counted / 1e6:.2f} over {naked / 1e6:.2f} M instructions"
            name = f"warm {one[-1].name}{USUAL * (one is theirs)}"
            yield Figure(name, counted / naked, how=how)

    def _warm(self, *works: Work) -> float:
        units = works[-1].units
        few, many = _WARM if units == 1 else _BATCHES
        less, more = (self.ours.count(most, *works) for most in (few, many))
        return (more - less) / (many - few) / units

    @cached_property
    def lives(self) -> dict[str, Life]:
        """A message's life by how it comes, and as people write it."""
        queued = self.ours.live(self.stack.dispatch_batch, is_queued=True)
        batches = (self.ours.live_in_batches(queued) for _ in range(_TIMES))
        # The last one of several knows the CPU times of all.
        return {
            "direct": [self.ours.live(20) for _ in range(_TIMES)][-1],
            "queued": queued,
            f"batches of {BATCH:,}": [*batches][-1],
            USUAL[2:]: self.theirs.live(20),
        }

    @cached_property
    def months(self) -> dict[str, list[dict[str, float]]]:
        """The bills of months by how closely the bridge is watched, the default first."""
        found: dict[str, list[dict[str, float]]] = {}
        for name in self.stack.template.parameters["Monitoring"]["AllowedValues"]:
            function = partial(self.artifact.function, MONITORING=name)
            scenario, stack = replace(self.ours, function=function), Stack(Monitoring=name)
            life = scenario.live(20) if found else self.lives["direct"]
            self.standins.empty()
            reconcile = scenario.use(scenario.reconcile())
            found[name] = [month(stack, n, life, reconcile) for n in MONTHS]
        return found

    def counts(self) -> Iterator[Figure]:
        for mode, life in self.lives.items():
            name, send = next(iter(life.steps.items()))
            trips, how = (
                send.waits,
                ", ".join(f"{n} {service}" for service, n in send.waits.items()),
            )
            yield Figure(f"round trips before the answer, {mode}", sum(trips.values()), "", how)
            writes = sum(one.charges.items_written / one.messages for one in life.steps.values())
            yield Figure(f"DynamoDB writes of a message, {mode}", writes, "")
            milliseconds = billed_seconds(life, name) * 1000
            how = "from the round trips as assumed below, and CPU time"
            yield Figure(f"time to the answer, {mode}", milliseconds, "ms", how, repeats=False)
            # A part of it is computing, which was timed.
            dollars = sum(million(life).values())
            yield Figure(f"price of a million, {mode}", dollars, "$", repeats=False)
        for count in (0, 500):
            self.ours.do(self.ours.send("promotional", count))
            self.standins.age()
            usage = self.ours.use(self.ours.reconcile())
            name = f"read units of a run of reconcile, {count} messages open for an hour"
            yield Figure(name, usage.charges.read_units / usage.invocations, "")
