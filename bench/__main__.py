"""`make bench`: measures what `sam build` made, and writes docs/performance.md about it."""

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import distributions
from operator import itemgetter
from pathlib import Path

from bench import bill
from bench.artifact import BUILD, Artifact
from bench.bill import MILLION, million, own_seconds
from bench.capacity import FAIRNESS, fairness, limits
from bench.measure import FILE, MARGIN, MONTHS, USUAL, Bench, Figure, failures
from bench.standins import StandIns
from bench.template import Stack
from tests.template.conftest import PROJECT

DOCUMENT = PROJECT / "docs/performance.md"
_LIBRARIES = ("aws_lambda_powertools", "boto3", "botocore", "urllib3")
_MODES = ("direct", "queued")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}, and record")
    is_to_write = parser.parse_args().write
    figures: list[Figure] = []
    stack = Stack()
    with (
        tempfile.TemporaryDirectory(prefix="sms-bridge-bench-") as folder,
        StandIns(Path(folder), stack).running() as found,
    ):
        bench = Bench(Artifact(Path(folder), found), stack)
        for figure in bench.figures():
            figures.append(figure)
            missed = "MISSED " * figure.is_missed
            print(f"{figure.name:64} {figure.shown:>8} {missed}{figure.how}", flush=True)
        if is_to_write:
            DOCUMENT.write_text(page(bench, figures), "utf-8")
            known = {one.name: one.known | {"recorded": round(one.value, 3)} for one in figures}
            FILE.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    failed = list(failures(figures))
    for one in failed:
        print(f"worse than it may be: {one}")
    return 1 if failed else 0


def page(bench: Bench, figures: Sequence[Figure]) -> str:
    """Fill in page.md, which names most figures as the table of them does."""
    values = {figure.name: figure.value for figure in figures}
    prices = {mode: million(life) for mode, life in bench.lives.items()}
    month = next(iter(bench.months.values()))
    template = Path(__file__).with_name("page.md").read_text("utf-8")
    return template.format(
        date=f"{datetime.now(UTC):%d %B %Y}".lstrip("0"),
        machine=_machine(),
        margin=MARGIN,
        values=values,
        bill=bill,
        idle=sum(month[0].values()),
        small=sum(month[1].values()),
        prices=prices,
        bare=bench.bare / 1e6,
        figures=_figures(figures),
        memory=_memory(bench, values["a send's own time"]),
        items=table(("", *prices), [*_rows(prices.values()), _together(prices.values())]),
        waits=", ".join(f"{name} {s * 1000:.0f} ms" for name, s in bill.SECONDS.items()),
        month=_month(bench.months),
        limits=_limits(bench),
        fairness=table(FAIRNESS, fairness(bench.stack)),
    )


def _machine() -> str:
    """Say what all this was measured on."""
    model = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[0]
    layer = distributions(path=[str(BUILD / "BridgeLayer/python")])
    versions = [f"{one.name} {one.version}" for one in layer if one.name in _LIBRARIES]
    python = f"CPython {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores; {', '.join((python, *sorted(versions)))}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(columns: Collection[Mapping[str, float]]) -> Iterator[list[str]]:
    """Give a row for each name that a column has; a column without it has an empty cell."""
    for name in dict.fromkeys(name for column in columns for name in column):
        yield [name, *(f"{one[name]:.2f}" if name in one else "" for one in columns)]


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


def _limits(bench: Bench) -> str:
    """Return what each limit lets through, the lowest first."""
    modes = [limits(bench.lives[mode], bench.stack) for mode in _MODES]
    rows = []
    for name, (rate, raised) in sorted((modes[1] | modes[0]).items(), key=itemgetter(1)):
        rates = (f"{found[name][0]:,.0f}" if name in found else "" for found in modes)
        rows.append((name, *rates, f"{MILLION / rate / 60:,.0f} minutes", raised))
    return table(("limit", *_MODES, "a million", "raised by"), rows)


if __name__ == "__main__":
    sys.exit(main())
