"""docs/performance.md: the one page about performance, cost and capacity."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import artifact, fairness
from bench.bill import MEMORY_OF_A_PROCESSOR, MILLION, PRICES, keeping, million, month, own_seconds
from bench.capacity import limits
from bench.measure import MARGIN, OPEN, TARGETS, USUAL, Bench, Figure
from bench.scenario import BATCHES

DOCUMENT = artifact.PROJECT / "docs/performance.md"
_MODES = ("direct", "queued")
_MONTHS = (0, 10_000, 100_000, MILLION)
_MEMORY = (256, 512, 1024)


def page(bench: Bench, figures: Sequence[Figure], *, command: str) -> str:
    values = {figure.name: figure.value for figure in figures}
    assumed = bench.assumed["direct"]
    months = {
        name: [month(built.stack, n, life, reconcile, assumed) for n in _MONTHS]
        for name, (built, life, reconcile) in bench.months.items()
    }
    usual = next(iter(months.values()))
    campaigns, every_limit = _limits(bench)
    read = "read units of a run of reconcile, {} messages open for an hour"
    return (
        Path(__file__)
        .with_name("page.md")
        .read_text("utf-8")
        .format(
            by=f"`{command}`, {datetime.now(UTC):%d %B %Y}".replace(", 0", ", "),
            machine=textwrap.fill(f"{artifact.machine()}; instructions counted by valgrind.", 100),
            margin=MARGIN,
            own=values["a send's own time"],
            their_own=values[f"a send's own time{USUAL}"],
            idle=sum(usual[0].values()),
            small=sum(usual[1].values()),
            direct=sum(bench.prices["direct"].values()),
            queued=sum(bench.prices["queued"].values()),
            batches=sum(bench.prices[f"batches of {BATCHES[0]:,}"].values()),
            theirs=sum(bench.prices[USUAL[2:]].values()),
            batch=BATCHES[0],
            eightx8=assumed.seconds["8x8"] * 1000,
            processor=MEMORY_OF_A_PROCESSOR,
            metric=PRICES["Custom metric"],
            group=PRICES["SQS request of a group"] * MILLION,
            request=PRICES["SQS request"] * MILLION,
            groups=bench.prices["queued"]["SQS: fair queues"],
            figures=_figures(figures),
            bare=bench.bare / 1e6,
            memory=_memory(bench, values["a send's own time"]),
            million=_million(bench),
            waits=", ".join(f"{name} {s * 1000:.0f} ms" for name, s in assumed.seconds.items()),
            month=_month(months),
            idle_reads=values[read.format(0)],
            open_reads=values[read.format(OPEN)],
            open=OPEN,
            campaigns=campaigns,
            limits=every_limit,
            fairness=table(fairness.HEAD, fairness.rows(bench.artifact.stack)),
        )
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figures(figures: Sequence[Figure]) -> str:
    usual = {one.name.removesuffix(USUAL): one for one in figures if one.name.endswith(USUAL)}
    rows = []
    for one in (figure for figure in figures if not figure.name.endswith(USUAL)):
        theirs = f"{usual[one.name].value:.3g}" if one.name in usual else ""
        reach, own = (f"{target:g}" for target in TARGETS[one.name]) if one.reach else ("", "")
        rows.append((one.name, one.shown, reach + " MISSED" * one.is_missed, theirs, own, one.how))
    return table(("", "bridge", "to reach", USUAL[2:], "own plumbing", "how"), rows)


def _memory(bench: Bench, own: float) -> str:
    deployed = bench.assumed["direct"].memory_mb
    cpu = own / own_seconds(1.0, deployed)
    rows = []
    for memory in sorted({*_MEMORY, deployed}):
        assumed = replace(bench.assumed["direct"], memory_mb=memory)
        dollars = (sum(million(bench.lives[mode], assumed).values()) for mode in _MODES)
        name = f"{memory} MB{', as deployed' * (memory == deployed)}"
        rows.append(
            (name, f"{own_seconds(cpu, memory):.1f} ms", *(f"{one:.2f}" for one in dollars))
        )
    return table(("", "a send's own time", "a million, direct, $", "queued, $"), rows)


def _million(bench: Bench) -> str:
    every = list(bench.prices.values())
    items = dict.fromkeys(item for prices in every for item in prices)
    rows = [
        (item, *(f"{prices[item]:.2f}" if item in prices else "" for prices in every))
        for item in items
    ]
    rows.append(("**together**", *(f"**{sum(prices.values()):.2f}**" for prices in every)))
    kept = (f"{keeping(life):.2f}" for life in bench.lives.values())
    rows.append(("beside it: records kept for 90 days", *kept))
    return table(("", *bench.prices), rows)


def _month(months: dict[str, list[dict[str, float]]]) -> str:
    default, first = next(iter(months.items()))
    items = [item for item in first[0] if any(one[item] for one in first)]
    rows = [(item, *(f"{one[item]:.2f}" for one in first)) for item in items]
    for name, found in months.items():
        title = f"**together, `Monitoring={name}`**" if name else "**together**"
        rows.append((title, *(f"**{sum(one.values()):.2f}**" for one in found)))
    return table((f"$, `{default}`", "idle", *(f"{n:,} messages" for n in _MONTHS[1:])), rows)


def _limits(bench: Bench) -> tuple[str, str]:
    """Return how long campaigns take, and what each limit lets through."""
    modes = [limits(bench.lives[one], bench.artifact.stack, bench.assumed[one]) for one in _MODES]
    campaigns = [
        (mode, *(f"{n / found[0][1] / 60:,.0f} minutes" for n in _MONTHS[2:]), found[0][0])
        for mode, found in zip(_MODES, modes, strict=True)
    ]
    by_name = [{name: f"{rate:,.0f}" for name, rate, _ in found} for found in modes]
    every = sorted(
        {name: (rate, raised) for found in modes for name, rate, raised in found}.items(),
        key=lambda one: one[1],
    )
    rows = [(name, *(by.get(name, "") for by in by_name), raised) for name, (_, raised) in every]
    return (
        table(("as deployed", "100,000 messages", "a million", "held up by"), campaigns),
        table(("limit", *_MODES, "raised by"), rows),
    )
