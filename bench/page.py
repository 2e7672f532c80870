"""docs/performance.md: the one page about performance, cost and capacity."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import artifact
from bench.bill import MILLION, counted, keeping, million, month, own_seconds
from bench.capacity import limits
from bench.measure import MARGIN, OPEN, USUAL, Bench, Figure

DOCUMENT = artifact.PROJECT / "docs/performance.md"
MONTHS = (0, 10_000, 100_000, MILLION)
# Of the version with a client, reader, writer and logger of its own.
OWN_PLUMBING = {
    "start of send_sms": 17,
    "first send over a warm one": 2.15,
    "peak memory of send_sms": 28,
    "a send's own time": 4,
    "warm send_sms, promotional": 2.3,
    "warm send_sms, transactional": 1.9,
    "warm receive_callback, sent": 1.5,
    "warm receive_callback, delivered": 2.3,
    "warm forward_outcome, an outcome": 1.7,
    "warm dispatch_queue, a message": 0.17,
    "round trips before the answer, direct": 2,
    "round trips before the answer, queued": 2,
    "DynamoDB writes of a message, direct": 4,
    "DynamoDB writes of a message, queued": 5,
    "price of a million, direct": 11.7,
    "price of a million, queued": 12.46,
}
_MEMORY = (256, 512, 1024)


def page(bench: Bench, figures: Sequence[Figure], *, command: str) -> str:
    """Return the page."""
    values = {figure.name: figure.value for figure in figures}
    assumed = bench.assumed["direct"]
    waits = ", ".join(f"{name} {s * 1000:.0f} ms" for name, s in assumed.seconds.items())
    text = Path(__file__).with_name("page.md").read_text("utf-8")
    return text.format(
        by=f"`{command}`, {datetime.now(UTC):%d %B %Y}".replace(", 0", ", "),
        machine=artifact.machine(),
        counter=_counter(),
        margin=MARGIN,
        short=_short(bench, values),
        figures=_figures(figures),
        bare=f"{bench.bare[0] / 1e6:.0f} M instructions",
        memory=_memory(bench, values),
        million=_million(bench),
        assumed=f"answers after {waits}; functions of {assumed.memory_mb} MB",
        month=_month(bench),
        watching=_watching(bench),
        idle_reads=values["read units of a run of reconcile, 0 messages open"],
        open_reads=values[f"read units of a run of reconcile, {OPEN:,} messages open"],
        open=OPEN,
        campaigns=_campaigns(bench),
        limits=_limits(bench),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(bench: Bench, values: Mapping[str, float]) -> str:
    own, theirs = values["a send's own time"], values[f"a send's own time{USUAL}"]
    built, life, reconcile = next(iter(bench.months.values()))
    assumed = bench.assumed["direct"]
    idle, small = (
        sum(month(built.stack, n, life, reconcile, assumed).values()) for n in MONTHS[:2]
    )
    prices = [sum(bench.prices[mode].values()) for mode in ("direct", "queued", USUAL[2:])]
    return (
        f"- A send computes {own:.0f} ms of its own beside the waiting for 8x8 and DynamoDB "
        f"(as people write it: {theirs:.0f} ms).\n"
        f"- A month costs ${idle:.2f} without a message and ${small:.2f} with 10,000, spread over "
        "it.\n"
        f"- A million messages cost ${prices[0]:.2f}, through the send queue ${prices[1]:.2f} "
        f"(as people write it: ${prices[2]:.2f})."
    )


def _figures(figures: Sequence[Figure]) -> str:
    usual = {one.name.removesuffix(USUAL): one for one in figures if one.name.endswith(USUAL)}
    rows = []
    for one in figures:
        if one.name.endswith(USUAL):
            continue
        theirs = usual.get(one.name)
        reach = "" if one.reach is None else f"{one.reach:g}{' MISSED' * one.is_missed}"
        own = OWN_PLUMBING.get(one.name)
        rows.append(
            (
                one.name,
                _number(one),
                reach,
                _number(theirs) if theirs else "",
                f"{own:g}" if own else "",
                one.how,
            )
        )
    return table(("", "bridge", "to reach", USUAL[2:], "own plumbing", "how"), rows)


def _number(figure: Figure) -> str:
    return f"{figure.value:.3g} {figure.unit}".strip()


def _memory(bench: Bench, values: Mapping[str, float]) -> str:
    stack = bench.artifact.stack
    deployed = stack.functions["SendSms"]["MemorySize"]
    cpu = values["a send's own time"] / own_seconds(1.0, deployed)
    rows = []
    for memory in sorted({*_MEMORY, deployed}):
        assumed = replace(bench.assumed["direct"], memory_mb=memory)
        dollars = [sum(million(bench.lives[one], assumed).values()) for one in ("direct", "queued")]
        name = f"{memory} MB{', as deployed' * (memory == deployed)}"
        own = f"{own_seconds(cpu, memory):.0f} ms"
        rows.append((name, own, *(f"{one:.2f}" for one in dollars)))
    return table(("", "a send's own time", "a million, direct, $", "queued, $"), rows)


def _million(bench: Bench) -> str:
    modes = list(bench.prices)
    items = dict.fromkeys(item for prices in bench.prices.values() for item in prices)
    rows = [(item, *(f"{bench.prices[mode].get(item, 0):.2f}" for mode in modes)) for item in items]
    totals = (f"**{sum(prices.values()):.2f}**" for prices in bench.prices.values())
    kept = (f"{keeping(life):.2f}" for life in bench.lives.values())
    rows += [("**together**", *totals), ("beside it: records kept for 90 days", *kept)]
    return table(("", *modes), rows)


def _month(bench: Bench) -> str:
    assumed = bench.assumed["direct"]
    found = {
        name: [month(built.stack, n, life, reconcile, assumed) for n in MONTHS]
        for name, (built, life, reconcile) in bench.months.items()
    }
    first = next(iter(found.values()))
    rows = [
        (item, *(f"{one[item]:.2f}" for one in first))
        for item in first[0]
        if any(one[item] for one in first)
    ]
    for name, months in found.items():
        title = f"**together, `Monitoring={name}`**" if name else "**together**"
        rows.append((title, *(f"**{sum(one.values()):.2f}**" for one in months)))
    heads = ("idle", *(f"{n:,} messages" for n in MONTHS[1:]))
    only = f"`Monitoring={next(iter(found))}`, $" if next(iter(found)) else "$"
    return table((only, *heads), rows)


def _watching(bench: Bench) -> str:
    found = {
        name: counted(built.stack, life.metrics | reconcile.metrics)
        for name, (built, life, reconcile) in bench.months.items()
    }
    names = list(next(iter(found.values())))
    rows = [(item, *(str(one[item]) for one in found.values())) for item in names]
    return table(("what CloudWatch bills", *(f"`{name}`" for name in found)), rows)


def _campaigns(bench: Bench) -> str:
    rows = []
    for mode in ("direct", "queued"):
        lowest = limits(bench.lives[mode], bench.artifact.stack, bench.assumed[mode])[0]
        times = (f"{n / lowest.per_second / 60:,.0f} minutes" for n in (100_000, MILLION))
        rows.append((mode, *times, lowest.name))
    return table(("as deployed", "100,000 messages", "a million", "held up by"), rows)


def _limits(bench: Bench) -> str:
    stack = bench.artifact.stack
    found = {
        mode: {one.name: one for one in limits(bench.lives[mode], stack, bench.assumed[mode])}
        for mode in ("direct", "queued")
    }
    every = {one.name: one for by_name in found.values() for one in by_name.values()}
    rows = [
        (
            one.name,
            *(f"{by[one.name].per_second:,.0f}" if one.name in by else "" for by in found.values()),
            one.raising,
        )
        for one in sorted(every.values(), key=lambda one: one.per_second)
    ]
    return table(("limit", "direct", "queued", "raised by"), rows)


def _counter() -> str:
    program = shutil.which("valgrind")
    if program is None:
        return "no valgrind: CPU times in place of instructions"
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return f"instructions in user space counted by {answer.stdout.strip().replace('-', ' ')}"
