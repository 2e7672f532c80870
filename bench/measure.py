"""What `make bench` measures, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from statistics import median

from bench.artifact import Artifact
from bench.bill import AS_PEOPLE_WRITE_IT, Assumptions, billed_seconds, million, own_seconds
from bench.runs import Function, RunFailedError, count_instructions, run
from bench.scenario import BATCHES, NAKED_BODY, TABLES, Life, Scenario, Usage, Work

# What is to be reached, and what was measured on 24 November 2026, when the project had an AWS
# client, HTTP reader, JSON writer and logger of its own. What is not in it is held against what it
# was at the last recorded run.
TARGETS = {
    "start of send_sms": (12.5, 17),
    "first send over a warm one": (2, 2.15),
    "peak memory of send_sms": (44, 28),
    "a send's own time": (12, 4),
    "warm send_sms, promotional": (13.5, 2.3),
    "warm send_sms, transactional": (9, 1.9),
    "warm receive_callback, sent": (8, 1.5),
    "warm receive_callback, delivered": (14.5, 2.3),
    "warm forward_outcome, an outcome": (14, 1.7),
    "warm dispatch_queue, a message": (1.5, 0.17),
    "round trips before the answer, direct": (2, 2),
    "round trips before the answer, queued": (2, 2),
    "DynamoDB writes of a message, direct": (4, 4),
    "DynamoDB writes of a message, queued": (5, 5),
    "price of a million, direct": (12.5, 11.7),
    "price of a million, queued": (13.3, 12.46),
}
USUAL = ", as people write it"
MARGIN = 0.10
"""By how much of itself a figure that repeats may be worse than recorded."""

OPEN = 500
"""Messages that are open when the reads of a busy `reconcile` are counted."""

_MESSAGES = 32
_WARM = (2, 22)
_BATCHES = (1, 3)
_TIMES = 5
# The functions that a message meets.
_STARTS = ("send_sms", "dispatch_queue", "receive_callback", "forward_outcome")


@dataclass(frozen=True)
class Figure:
    """One measured ratio ("x") or count; less is better.

    Attributes
    ----------
    repeats
        Whether another run finds the same, as with instructions, counts and bytes. Times do not.
    """

    name: str
    value: float
    unit: str = "x"
    how: str = ""
    repeats: bool = True

    @property
    def reach(self) -> float | None:
        """What it is to be at most, if anything is asked."""
        return TARGETS[self.name][0] if self.name in TARGETS else None

    @property
    def shown(self) -> str:
        value = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.3g}"
        return f"{value} {self.unit}".strip()

    @property
    def is_missed(self) -> bool:
        return self.reach is not None and self.value > self.reach


def failures(figures: list[Figure], recorded: dict[str, float]) -> list[str]:
    """Return in words what fails the bench: what repeats, and is missed or got worse."""
    found = []
    for figure in (one for one in figures if one.repeats and USUAL not in one.name):
        before = recorded.get(figure.name, figure.value)
        if figure.is_missed:
            found.append(f"{figure.name}: {figure.value:.4g}, to reach {figure.reach:g}")
        elif figure.value > before * (1 + MARGIN):
            found.append(f"{figure.name}: {figure.value:.4g}, recorded {before:.4g}")
    return found


@dataclass
class Bench:
    """The parts, in the order in which they are run."""

    artifact: Artifact
    work: Path

    @cached_property
    def ours(self) -> Scenario:
        return Scenario(self.artifact)

    @cached_property
    def theirs(self) -> Scenario:
        return Scenario(self.artifact, is_baseline=True)

    def figures(self) -> Iterator[Figure]:
        for part in (self.starts, self.over_tls, self.warm_ones, self.counts):
            yield from part()

    # ------------------------------------------------------------------- starts and first ones, TLS
    @cached_property
    def bare(self) -> int:
        return count_instructions(self.artifact.plain("bare"), [], 0)

    def starts(self) -> Iterator[Figure]:
        """Starts over TLS, as multiples of a bare handler's."""
        for name in _STARTS:
            yield self._start(f"start of {name}", self.ours.function(name, tls=True))
        yield self._start(f"start of send_sms{USUAL}", self.theirs.function("send_sms", tls=True))

    def _start(self, name: str, function: Function) -> Figure:
        """Count a start, which must not run into time limits: it is very slow under valgrind."""
        standins = self.artifact.standins
        standins.clear()
        cpu = median(run(function).start_cpu for _ in range(_TIMES))
        calls = len(standins.exchanges) // _TIMES
        standins.clear()
        counted = count_instructions(function, [], 0)
        if len(standins.exchanges) != calls:
            raise RunFailedError(f"{name}: under valgrind it makes other calls; try again")
        how = f"{counted / 1e6:.0f} M instructions; {cpu * 1000:.0f} ms CPU, {calls} calls"
        return Figure(name, counted / self.bare, how=how)

    def over_tls(self) -> Iterator[Figure]:
        """The first send over a warm one, memory, and the time that a send computes."""
        memory = self.artifact.stack.functions["SendSms"]["MemorySize"]
        for scenario, suffix in ((self.ours, ""), (self.theirs, USUAL)):
            work = scenario.send("promotional", _MESSAGES, tls=True)
            runs = [scenario.do(work) for _ in range(_TIMES)]
            zero, one, many = (self._count(work, most) for most in (0, 1, _WARM[1]))
            first, warm = one - zero, (many - one) / (_WARM[1] - 1)
            how = f"{first / 1e6:.1f} over {warm / 1e6:.1f} M instructions"
            yield Figure(f"first send over a warm one{suffix}", first / warm, how=how)
            peak = median(one.peak_kb for one in runs) / 1024
            yield Figure(f"peak memory of send_sms{suffix}", peak, "MB")
            cpu = min(one.warm_cpu for one in runs)
            how = f"at {memory} MB, from {cpu * 1000:.2f} ms of CPU time, TLS included"
            own = own_seconds(cpu, memory) * 1000
            yield Figure(f"a send's own time{suffix}", own, "ms", how, repeats=False)

    # ---------------------------------------------------------------------------- warm invocations
    def warm_ones(self) -> Iterator[Figure]:
        """Warm invocations as multiples of a naked POST: the difference of two runs."""
        body = Work("naked", self.artifact.plain("naked"), [NAKED_BODY] * _MESSAGES, lambda: None)
        naked = self._warm(body)
        units = {
            "forward_outcome": ", an outcome",
            "dispatch_queue": ", a message",
            "send_sms, a batch": ", a message",
        }
        for work in self.ours.works(_MESSAGES):
            yield self._over(naked, f"warm {work.name}{units.get(work.name, '')}", work)
        theirs = self.theirs.send("promotional", _MESSAGES)
        yield self._over(naked, f"warm send_sms, promotional{USUAL}", theirs)

    def _over(self, naked: float, name: str, work: Work) -> Figure:
        counted = self._warm(work)
        how = f"{counted / 1e6:.2f} over {naked / 1e6:.2f} M instructions"
        return Figure(name, counted / naked, how=how)

    def _warm(self, work: Work) -> float:
        few, many = _WARM if work.units == 1 else _BATCHES
        less, more = (self._count(work, most) for most in (few, many))
        return (more - less) / (many - few) / work.units

    @staticmethod
    def _count(work: Work, most: int) -> int:
        work.prepare()
        return count_instructions(work.function, work.events, most)

    # ------------------------------------------------------------------------------------- counted
    @cached_property
    def lives(self) -> dict[str, Life]:
        """A message's life by how it comes, and as people write it."""
        queued = self.ours.live(2 * self.artifact.stack.dispatch_batch, is_queued=True)
        batches = {f"batches of {n:,}": self.ours.live_in_batches(queued, n) for n in BATCHES}
        direct, theirs = self.ours.live(20), self.theirs.live(20)
        return {"direct": direct, "queued": queued, **batches, USUAL[2:]: theirs}

    @cached_property
    def assumed(self) -> dict[str, Assumptions]:
        ours = Assumptions.of(self.artifact.stack)
        return {**dict.fromkeys(self.lives, ours), USUAL[2:]: AS_PEOPLE_WRITE_IT}

    @cached_property
    def prices(self) -> dict[str, dict[str, float]]:
        return {mode: million(life, self.assumed[mode]) for mode, life in self.lives.items()}

    @cached_property
    def reconcile(self) -> dict[int, Usage]:
        """A run of `reconcile`, by how many messages are open."""
        found = {}
        for count in (0, OPEN):
            self.ours.do(self.ours.send("promotional", count))
            self.artifact.standins.age(TABLES[0], timedelta(hours=1))
            found[count] = self.ours.use(self.ours.reconcile())
        return found

    @cached_property
    def months(self) -> dict[str, tuple[Artifact, Life, Usage]]:
        """What a message and a run of `reconcile` use, by how closely the bridge is watched."""
        found = {}
        choices = self.artifact.stack.evaluated.template.parameters.get("Monitoring", {})
        for name in choices.get("AllowedValues", [""]):
            built = Artifact(self.work / f"watched-{name}", self.artifact.standins, name)
            scenario = Scenario(built)
            life = scenario.live(20)
            self.artifact.standins.clear(table=True)
            found[name] = built, life, scenario.use(scenario.reconcile())
        return found

    def counts(self) -> Iterator[Figure]:
        for mode, life in self.lives.items():
            waits = life.steps["send_sms"].waits
            how = ", ".join(f"{count:g} {service}" for service, count in waits.items())
            yield Figure(f"round trips before the answer, {mode}", sum(waits.values()), "", how)
        for mode, life in self.lives.items():
            steps = {n: one.items_written / one.messages for n, one in life.steps.items()}
            how = "; ".join(f"{name} {count:g}" for name, count in steps.items())
            yield Figure(f"DynamoDB writes of a message, {mode}", sum(steps.values()), "", how)
        for count, usage in self.reconcile.items():
            name = f"read units of a run of reconcile, {count} messages open for an hour"
            yield Figure(name, usage.read_units / usage.invocations, "")
        for mode, life in self.lives.items():
            seconds = billed_seconds(life.steps["send_sms"], self.assumed[mode])
            how = "from the round trips as assumed below, and CPU time"
            yield Figure(f"time to the answer, {mode}", seconds * 1000, "ms", how, repeats=False)
        for mode, prices in self.prices.items():
            # A part of it is computing, which was timed.
            yield Figure(f"price of a million, {mode}", sum(prices.values()), "$", repeats=False)
