"""What `make bench` measures, part by part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from bench import artifact
from bench.cost import LOOK_UPS, TRACED_SHARE, Assumptions, cost_of, cost_of_keeping
from bench.events import send_events
from bench.figures import AS_PEOPLE_WRITE_IT, Figure
from bench.runs import Function, RunFailedError, has_valgrind, take_times
from bench.scenario import Scenario, wait_within_a_period
from bench.standins.running import StandIns
from bench.start import start_ups
from bench.usage import Life, live
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
FIRST_MOST = 2.0
BATCH_MOST = 0.09
ROUND_TRIPS_MOST, WRITES_MOST = 2, 4
RSS_MOST = 0.5
COST_MOST = 0.6

IN_BASELINE = ("send_sms", "receive_callback", "forward_outcome")


@dataclass(frozen=True)
class Thoroughness:
    """How often things are done.

    Attributes
    ----------
    counts, times
        Starts under valgrind and without.
    few, many
        Invocations of the two runs whose difference is the cost of a warm one.
    rounds
        Interleaved runs for times.
    """

    counts: int
    times: int
    few: int
    many: int
    rounds: int


QUICK = Thoroughness(counts=1, times=5, few=20, many=80, rounds=3)
FULL = Thoroughness(counts=3, times=9, few=20, many=200, rounds=7)


@dataclass
class Bench:
    """The parts, in the order in which they are run."""

    standins: StandIns
    how: Thoroughness

    # ----------------------------------------------------------------------------------- start-up
    def starts(self) -> Iterator[Figure]:
        """Start-up of every function, as a multiple of a bare handler."""
        bare = artifact.plain(artifact.BARE)
        functions = [self._ours(name) for name in artifact.FUNCTIONS]
        functions += [self._theirs(name) for name in IN_BASELINE]
        found = start_ups(
            [bare, *functions], self._calls, counts=self.how.counts, times=self.how.times
        )
        least = found[bare.name]
        for function in functions:
            start = found[function.name]
            cpu = start.cpu / least.cpu
            ratio, notes = cpu, [f"{start.cpu * 1000:.0f} ms CPU, {cpu:.1f} x"]
            if has_valgrind():
                ratio = start.instructions / least.instructions
                notes.insert(0, f"{start.instructions / 1e6:.0f} M instructions")
            if start.calls:
                notes.append(f"calls {start.calls}")
            if start.differs:
                notes.append("NOT COMPARABLE: under valgrind it made other calls")
            yield Figure(
                f"start-up of {function.name}",
                ratio,
                START_MOST.get(function.name),
                how="; ".join(notes),
                is_time=not has_valgrind(),
            )

    def starts_where_nothing_answers(self) -> Iterator[Figure]:
        """Count the functions that do not start when neither AWS nor 8x8 can be reached."""
        broken = []
        for name in artifact.FUNCTIONS:
            try:
                take_times(artifact.function(name, None))
            except RunFailedError as error:
                broken.append(str(error).strip().rpartition("\n")[2])
        yield Figure(
            "functions that do not start while nothing answers",
            len(broken),
            0,
            "",
            str(broken or ""),
        )

    # --------------------------------------------------------------------------- first invocation
    def first_invocations(self) -> Iterator[Figure]:
        """The first invocation over the same process's warm ones, all over TLS.

        Instructions are not counted: under valgrind the handshakes at start run into their time
        limits, and the first invocation would do what the start had done.
        """
        functions = (
            artifact.function("send_sms", self.standins, tls=True),
            artifact.baseline("send_sms", self.standins, tls=True),
        )
        events = send_events(30, "promotional")
        runs: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
        for _ in range(2 * self.how.rounds):
            for function in functions:
                self.standins.clear(table=True)
                (wall, cpu), *warm = take_times(function, events, most=len(events)).invocations
                warm_wall, warm_cpu = (median(times) for times in zip(*warm[10:], strict=True))
                runs[function.name].append((wall, warm_wall, cpu, warm_cpu))
        for function, reach in zip(functions, (FIRST_MOST, None), strict=True):
            # What else the machine does meets the first invocation or the warm ones: the least of
            # each has the least of it.
            wall, warm_wall, cpu, warm_cpu = (
                min(one) for one in zip(*runs[function.name], strict=True)
            )
            yield Figure(
                f"first invocation of {function.name}, TLS",
                max(wall / warm_wall, cpu / warm_cpu),
                reach,
                how=f"{wall * 1000:.1f} ms, {wall / warm_wall:.1f} x; CPU {cpu / warm_cpu:.1f} x; "
                f"the best of {len(runs[function.name])} runs",
                is_time=True,
            )

    # -------------------------------------------------------------------------- warm invocations
    @cached_property
    def _scenario(self) -> Scenario:
        return Scenario(self.standins, self.how.many)

    @cached_property
    def _naked(self) -> dict[str, float]:
        works = [self._scenario.naked(), self._scenario.naked(artifact.NAKED_USUAL)]
        if not has_valgrind():
            found = interleaved(works, rounds=self.how.rounds, skip=self.how.few)
            return {name: cpu for name, (cpu, _) in found.items()}
        return {
            work.name: instructions_of(work, few=self.how.few, many=self.how.many) for work in works
        }

    def warm_ones(self) -> Iterator[Figure]:
        """Warm invocations as multiples of a naked POST."""
        naked, usual = self._scenario.naked(), self._scenario.naked(artifact.NAKED_USUAL)
        works = [
            self._scenario.send("transactional"),
            self._scenario.send("promotional"),
            self._scenario.send_as_people_write_it(),
            self._scenario.receipts("sent"),
            self._scenario.receipts("delivered"),
        ]
        times = interleaved([naked, usual, *works], rounds=self.how.rounds, skip=self.how.few)
        for work in works:
            reach = None if AS_PEOPLE_WRITE_IT in work.name else WARM_MOST
            yield self._over_naked(
                f"warm {work.name}", work, reach, times, self.how.few, self.how.many
            )

    def batches(self) -> Iterator[Figure]:
        """The batch path and the telling of outcomes, for each message."""
        batch_size = artifact.default_of("DispatchBatchSize")
        works: list[tuple[Work, float | None]] = [
            (self._scenario.batches(kind, batch_size=batch_size, batches=24), BATCH_MOST)
            for kind in ("promotional", "transactional")
        ]
        works.append((self._scenario.outcomes(batch_size=artifact.outcome_batch_size()), None))
        naked = [self._scenario.naked(), self._scenario.naked(artifact.NAKED_USUAL)]
        for work, reach in works:
            times = interleaved([*naked, work], rounds=self.how.rounds, skip=2, choose=min)
            cpu, by, usual = (times[one.name][0] for one in (work, *naked))
            yield Figure(
                f"CPU time of {work.name}, a message",
                cpu / by,
                reach,
                how=f"{cpu * 1e6:.0f} µs over {by * 1e6:.0f} µs, the best of {self.how.rounds} "
                f"runs each; {cpu / usual:.3g} x of PoolManager.request",
                is_time=True,
            )
            if has_valgrind():
                yield self._over_naked(f"{work.name}, a message", work, None, times, 1, 3)

    def _over_naked(
        self,
        name: str,
        work: Work,
        reach: float | None,
        times: dict[str, tuple[float, float]],
        few: int,
        many: int,
    ) -> Figure:
        naked, usual = artifact.NAKED.name, artifact.NAKED_USUAL.name
        cpu, wall = (of / by for of, by in zip(times[work.name], times[naked], strict=True))
        ratio, notes = cpu, [f"CPU {cpu:.3g} x, time {wall:.3g} x"]
        if has_valgrind():
            cost = instructions_of(work, few=few, many=many)
            ratio = cost / self._naked[naked]
            notes.insert(0, f"{cost / 1e6:.3g} M instructions")
            notes.append(f"{cost / self._naked[usual]:.3g} x of PoolManager.request")
        return Figure(name, ratio, reach, how="; ".join(notes), is_time=not has_valgrind())

    # ------------------------------------------------------------------------- memory and size
    def memory(self) -> Iterator[Figure]:
        """Peak memory after warm invocations over the baseline's."""
        events = {
            "send_sms": self._scenario.send("promotional"),
            "receive_callback": self._scenario.receipts("sent"),
            "forward_outcome": self._scenario.outcomes(batch_size=artifact.outcome_batch_size()),
            "dispatch_queue": self._scenario.batches("promotional", batch_size=100, batches=2),
        }
        send = self._scenario.send_as_people_write_it()
        send.prepare()
        most = take_times(send.function, send.events, most=len(send.events)).peak_rss
        yield Figure(
            f"peak memory of send_sms {AS_PEOPLE_WRITE_IT}", most / 1024, unit="MB", is_time=False
        )
        for name in artifact.FUNCTIONS:
            work = events.get(name)
            if work:
                work.prepare()
                run = take_times(work.function, work.events, most=len(work.events))
            else:
                run = take_times(self._ours(name))
            note = f"{run.peak_rss / 1024:.0f} MB{'' if work else ' after its start'}"
            yield Figure(f"peak memory of {name}", run.peak_rss / most, RSS_MOST, how=note)

    @staticmethod
    def size() -> Iterator[Figure]:
        """Size of the artifact, unpacked."""
        parts = artifact.sizes()
        files = sum(count for _, count in parts.values())
        megabytes = sum(size for size, _ in parts.values()) / 1024**2
        yield Figure("artifact, unpacked", megabytes, unit="MB", how=f"{files} files")

    # ------------------------------------------------------------------------- counts and cost
    @cached_property
    def lives(self) -> dict[str, Life]:
        """A message's life in each mode, and as people write it."""
        batch = artifact.outcome_batch_size()
        queueing = artifact.function("send_sms", self.standins, DISPATCH_MODE="queued")
        batch_size = artifact.default_of("DispatchBatchSize")
        wait_within_a_period(artifact.default_of("DuplicateWindowSeconds"))
        return {
            "direct": live(
                self._ours, self.standins, messages=20, kind="promotional", outcome_batch=batch
            ),
            "queued": live(
                self._ours,
                self.standins,
                messages=3 * batch_size,
                kind="promotional",
                queued=queueing,
                send_batch=batch_size,
                outcome_batch=batch,
            ),
            AS_PEOPLE_WRITE_IT: live(self._theirs, self.standins, messages=20, kind="promotional"),
        }

    def counts(self) -> Iterator[Figure]:
        """Round trips and writes, counted."""
        for mode, life in self.lives.items():
            ours = mode != AS_PEOPLE_WRITE_IT
            waits = life.steps["send_sms"].waits
            yield Figure(
                f"sequential round trips before the answer, {mode}",
                life.steps["send_sms"].round_trips,
                ROUND_TRIPS_MOST if ours else None,
                unit="",
                how=", ".join(f"{count} {service}" for service, count in waits.items()),
            )
        for mode, life in self.lives.items():
            ours = mode != AS_PEOPLE_WRITE_IT
            steps = (
                f"{name}: {usage.items_written / usage.messages:g}"
                for name, usage in life.steps.items()
            )
            yield Figure(
                f"DynamoDB writes of a message's life, {mode}",
                life.per_message(lambda usage: usage.items_written),
                WRITES_MOST if ours else None,
                unit="",
                how="; ".join(steps),
            )

    @cached_property
    def costs(self) -> dict[str, dict[str, float]]:
        """Dollars for a million messages, by mode and item."""
        return {mode: cost_of(life, self.assumptions(mode)) for mode, life in self.lives.items()}

    @cached_property
    def costs_of_keeping(self) -> dict[str, float]:
        """Dollars for keeping a million messages, by mode."""
        return {
            mode: cost_of_keeping(life, self.assumptions(mode)) for mode, life in self.lives.items()
        }

    @staticmethod
    def assumptions(mode: str) -> Assumptions:
        """What is assumed: the baseline has X-Ray, for its Tracer, and no access log."""
        theirs = mode == AS_PEOPLE_WRITE_IT
        return Assumptions(
            memory_mb=artifact.memory_mb(),
            traced=TRACED_SHARE if theirs or artifact.is_traced() else 0.0,
            platform_lines=theirs or artifact.has_platform_lines(),
            access_log_bytes=0 if theirs else artifact.access_log_bytes(),
            send_rate=artifact.default_of("SendRateLimit"),
            dispatchers=2 * artifact.default_of("DispatchConcurrency"),
        )

    def cost(self) -> Iterator[Figure]:
        """The cost of a million messages, over the baseline's: both with look-ups, both without."""
        theirs = self.total(AS_PEOPLE_WRITE_IT)
        yield Figure(
            f"cost of a million messages {AS_PEOPLE_WRITE_IT}",
            theirs,
            unit="$",
            how=self._items(AS_PEOPLE_WRITE_IT),
            is_time=True,
        )
        for mode in ("direct", "queued"):
            ours = self.total(mode)
            yield Figure(
                f"cost of a million messages, {mode}",
                ours / theirs,
                COST_MOST,
                how=f"${ours:.2f}: {self._items(mode)}",
                is_time=True,
            )
        theirs = self.total(AS_PEOPLE_WRITE_IT, look_ups=False)
        for mode in ("direct", "queued"):
            ours = self.total(mode, look_ups=False)
            yield Figure(
                f"the same if neither could look up by number or campaign, {mode}",
                ours / theirs,
                COST_MOST,
                how=f"${ours:.2f} over ${theirs:.2f}",
                is_time=True,
            )

    def total(self, mode: str, *, look_ups: bool = True) -> float:
        """Return the dollars of a million messages, with the indexes for look-ups or without."""
        return sum(
            dollars for item, dollars in self.costs[mode].items() if look_ups or item != LOOK_UPS
        )

    def _items(self, mode: str) -> str:
        dearest = sorted(self.costs[mode].items(), key=lambda item: -item[1])
        return ", ".join(f"{item} {dollars:.2f}" for item, dollars in dearest if dollars > 0.1)

    # ------------------------------------------------------------------------------------- inside
    def _calls(self) -> Counter[str]:
        """Return the calls that came since this was last asked."""
        calls = Counter(one.name for one in self.standins.seen().exchanges)
        self.standins.clear()
        return calls

    def _ours(self, name: str) -> Function:
        return artifact.function(name, self.standins)

    def _theirs(self, name: str) -> Function:
        return artifact.baseline(name, self.standins)
