"""How the figures are shown: in the terminal, and in docs/performance.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import artifact
from bench.cost import TRACED_SHARE, Assumptions
from bench.figures import MARGIN, MARGIN_OF_TIMES, Figure
from bench.measure import QUICK, Bench

DOCUMENT = artifact.PROJECT / "docs/performance.md"

_INTRODUCTION = Path(__file__).with_name("introduction.md")


def as_line(figure: Figure) -> str:
    """Return a line for the terminal."""
    reach = "" if figure.reach is None else f"<= {figure.reach:g}"
    value = f"{figure.value:.3g} {figure.unit}"
    return f"  {figure.name:58} {value:>10} {reach:8} {figure.verdict:12} {figure.how}"


def write_document(measured: Mapping[str, Sequence[Figure]], bench: Bench) -> None:
    """Write docs/performance.md."""
    machine = artifact.machine()
    text = [
        _INTRODUCTION.read_text("utf-8").format(
            command=f"make bench WRITE=1{' QUICK=1' * (bench.how == QUICK)}",
            margin=MARGIN,
            margin_of_times=MARGIN_OF_TIMES,
            date=f"{datetime.now(UTC):%d %B %Y}".lstrip("0"),
            versions=", ".join(_versions()),
            valgrind=_valgrind(),
            **machine,
        )
    ]
    for title, figures in measured.items():
        text.append(f"## {title}\n\n{_table(figures)}\n")
    text.append(_cost(bench))
    DOCUMENT.write_text("\n".join(text), "utf-8")


def _table(figures: Iterable[Figure]) -> str:
    lines = ["| | measured | to reach | | |", "|---|---:|---:|---|---|"]
    for figure in figures:
        reach = "" if figure.reach is None else f"{figure.reach:g}"
        lines.append(
            f"| {figure.name} | {figure.value:.3g} {figure.unit} | {reach} | {figure.verdict} | "
            f"{figure.how} |"
        )
    return "\n".join(lines)


def _cost(bench: Bench) -> str:
    modes = list(bench.costs)
    items = list(dict.fromkeys(item for costs in bench.costs.values() for item in costs))
    lines = [
        "## Cost of a million messages, item by item",
        "",
        "US dollars, AWS's list prices in us-east-1 (`bench/prices.py`), arm64, no free tier; one",
        "request, two receipts and one outcome a message. 8x8's price of the SMS is not in it.",
        "",
        f"| | {' | '.join(modes)} |",
        f"|---|{'---:|' * len(modes)}",
    ]
    for item in items:
        values = " | ".join(f"{bench.costs[mode].get(item, 0.0):.3f}" for mode in modes)
        lines.append(f"| {item} | {values} |")
    totals = " | ".join(f"**{bench.total(mode):.2f}**" for mode in modes)
    without = " | ".join(f"{bench.total(mode, look_ups=False):.2f}" for mode in modes)
    keeping = " | ".join(f"{bench.costs_of_keeping[mode]:.2f}" for mode in modes)
    lines += [
        f"| **together** | {totals} |",
        f"| together without look-ups by number and campaign | {without} |",
        f"| beside it: records kept, with backups | {keeping} |",
        "",
        *_assumptions(bench.assumptions("direct")),
    ]
    return "\n".join(lines) + "\n"


def _assumptions(assumed: Assumptions) -> list[str]:
    seconds = ", ".join(
        f"{name} {seconds * 1000:.0f} ms" for name, seconds in assumed.seconds.items()
    )
    text = (
        "Counted in the run: requests, write and read units (those of the indexes too), bytes "
        "logged and sent, and how often an invocation waits for which service. Assumed: answers "
        f"after {seconds}; functions of {assumed.memory_mb} MB, which compute at "
        f"{assumed.memory_mb}/1769 of the speed of the machine that this was measured on; full "
        f"batches; X-Ray traces {TRACED_SHARE:.0%} of the invocations where it is on: in the "
        f"baseline, for its Tracer, and {_in(assumed.traced)} the bridge by default; START, "
        "END and REPORT lines of Lambda in the baseline, whose settings are the usual ones, and "
        f"{_in(assumed.platform_lines)} the bridge; {assumed.messages_a_second:,.0f} messages a "
        "second (for how many environments read the "
        f"secret); records kept for {assumed.days_kept} days. Not in it, because no message makes "
        "it dearer: alarms, dashboard, the runs of `reconcile`, and the custom metrics ($0.30 each "
        "a month)."
    )
    return textwrap.wrap(text, 100)


def _in(there: float) -> str:
    return "in" if there else "not in"


def _versions() -> list[str]:
    folders = (folder.name.replace("_", "-") for folder in artifact.LAYER.glob("*.dist-info"))
    names = sorted(re.sub(r"-([\d.]+)\.dist.*", r" \1", folder) for folder in folders)
    return [name for name in names if name.startswith(("boto", "urllib3", "aws-lambda"))]


def _valgrind() -> str:
    program = shutil.which("valgrind")
    if program is None:
        return "no valgrind: CPU times in place of instructions"
    answer = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip().replace("-", " ")
