"""docs/performance.md: the one page about performance, cost and capacity."""

import os
import platform
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import distributions
from operator import itemgetter
from pathlib import Path

from bench import bill
from bench.artifact import BUILD
from bench.bill import MILLION, million, own_seconds
from bench.capacity import FAIRNESS, fairness, limits
from bench.measure import MARGIN, MONTHS, USUAL, Bench, Figure
from tests.template.conftest import PROJECT

DOCUMENT = PROJECT / "docs/performance.md"
_LIBRARIES = ("aws_lambda_powertools", "boto3", "botocore", "urllib3")
_MODES = ("direct", "queued")


def page(bench: Bench, figures: Sequence[Figure]) -> str:
    """Fill in page.md, which names most figures as the table of them does."""
    values = {figure.name: figure.value for figure in figures}
    prices = {mode: million(life) for mode, life in bench.lives.items()}
    month = next(iter(bench.months.values()))
    campaigns, every_limit = _limits(bench)
    template = Path(__file__).with_name("page.md").read_text("utf-8")
    return template.format(
        date=f"{datetime.now(UTC):%d %B %Y}".lstrip("0"),
        machine=_machine(),
        margin=MARGIN,
        values=values,
        bill=bill,
        idle=sum(month[0].values()),
        small=sum(month[1].values()),
        million={price: MILLION * dollars for price, dollars in bill.PRICES.items()},
        eightx8=bill.SECONDS["8x8"] * 1000,
        prices=prices,
        bare=bench.bare / 1e6,
        figures=_figures(figures),
        memory=_memory(bench, values["a send's own time"]),
        items=table(("", *prices), [*_rows(prices.values()), _together(prices.values())]),
        waits=", ".join(f"{name} {s * 1000:.0f} ms" for name, s in bill.SECONDS.items()),
        month=_month(bench.months),
        campaigns=campaigns,
        limits=every_limit,
        fairness=table(FAIRNESS, fairness(bench.stack)),
    )


def _machine() -> str:
    """Say what all this was measured on."""
    model = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    layer = distributions(path=[str(BUILD / "BridgeLayer/python")])
    libraries = {f"{one.name} {one.version}" for one in layer if one.name in _LIBRARIES}
    python = f"CPython {platform.python_version()}"
    return f"{model[0]}, {os.cpu_count()} cores; {', '.join((python, *sorted(libraries)))}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(columns: Collection[Mapping[str, float]], form: str = ".2f") -> Iterator[list[str]]:
    """Give a row for each name that a column has; a column without it has an empty cell."""
    for name in dict.fromkeys(name for column in columns for name in column):
        yield [name, *(f"{one[name]:{form}}" if name in one else "" for one in columns)]


def _together(columns: Iterable[Mapping[str, float]], what: str = "") -> list[str]:
    return [f"**together{what}**", *(f"**{sum(one.values()):.2f}**" for one in columns)]


def _figures(figures: Sequence[Figure]) -> str:
    usual = {one.name.removesuffix(USUAL): one for one in figures if one.name.endswith(USUAL)}
    rows = []
    for one in (figure for figure in figures if not figure.name.endswith(USUAL)):
        theirs = f"{usual[one.name].value:.3g}" if one.name in usual else ""
        known = {name: f"{value:g}" for name, value in one.known.items()}
        reach = known.get("to reach", "") + " MISSED" * one.is_missed
        own = known.get("own plumbing", "")
        rows.append((one.name, one.shown, reach, theirs, own, one.how))
    return table(("", "bridge", "to reach", USUAL[2:], "own plumbing", "how"), rows)


def _memory(bench: Bench, own: float) -> str:
    deployed = bench.ours.settings.memory_mb
    rows = []
    for memory in sorted({256, 512, 1024, deployed}):
        settings = replace(bench.ours.settings, memory_mb=memory)
        lives = (replace(bench.lives[mode], settings=settings) for mode in _MODES)
        dollars = (sum(million(life).values()) for life in lives)
        name = f"{memory} MB{', as deployed' * (memory == deployed)}"
        here = own * own_seconds(1.0, memory) / own_seconds(1.0, deployed)
        rows.append((name, f"{here:.1f} ms", *(f"{one:.2f}" for one in dollars)))
    return table(("", "a send's own time", "a million, direct, $", "queued, $"), rows)


def _month(months: dict[str, list[dict[str, float]]]) -> str:
    default, first = next(iter(months.items()))
    totals = [_together(found, f", `Monitoring={name}`") for name, found in months.items()]
    head = (f"$, `{default}`", "idle", *(f"{n:,} messages" for n in MONTHS[1:]))
    return table(head, [*_rows(first), *totals])


def _limits(bench: Bench) -> tuple[str, str]:
    """Return how long campaigns take, and what each limit lets through."""
    modes = [limits(bench.lives[mode], bench.stack) for mode in _MODES]
    campaigns = []
    for mode, found in zip(_MODES, modes, strict=True):
        name, (lowest, _) = next(iter(found.items()))
        campaigns.append((mode, *(f"{n / lowest / 60:,.0f} minutes" for n in MONTHS[2:]), name))
    every = sorted((modes[0] | modes[1]).items(), key=itemgetter(1))
    rows = [
        (name, *(f"{found[name][0]:,.0f}" if name in found else "" for found in modes), raised)
        for name, (_, raised) in every
    ]
    return (
        table(("as deployed", "100,000 messages", "a million", "held up by"), campaigns),
        table(("limit", *_MODES, "raised by"), rows),
    )
