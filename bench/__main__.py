"""`make bench`: measures what `sam build` made, each figure against its baseline."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import artifact, capacity_page
from bench.figures import Figure, read_recorded, record, regressions
from bench.measure import FULL, QUICK, Bench
from bench.report import as_line, write_document
from bench.standins.running import running_standins
from bench.usage import write_lives


def parts(bench: Bench) -> dict[str, Iterator[Figure]]:
    """Return what is measured, by what it is about."""
    return {
        "Start-up, over a bare handler": bench.starts(),
        "Start-up while nothing answers": bench.starts_where_nothing_answers(),
        "First invocation, over a warm one": bench.first_invocations(),
        "Warm invocation, over a naked POST": bench.warm_ones(),
        "In batches, for each message, over a naked POST": bench.batches(),
        "Counted": bench.counts(),
        "Memory, over the baseline, and size": bench.memory(),
        "Size": bench.size(),
        "Cost, over the baseline": bench.cost(),
    }


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--built", action="store_true", help="measure what was built before")
    parser.add_argument("--part", default="", help="only the parts whose title has this in it")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/performance.md and docs/capacity.md, and record the figures",
    )
    arguments = parser.parse_args()
    if not artifact.LIBRARIES.is_dir():
        parser.error("the baseline's libraries are missing: run `make bench`")
    if not arguments.built:
        artifact.build()
    artifact.compile_libraries()
    measured: dict[str, list[Figure]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="sms-bridge-bench-") as folder,
        running_standins(artifact.indexes(), Path(folder)) as standins,
    ):
        bench = Bench(standins, QUICK if arguments.quick else FULL)
        for title, part in parts(bench).items():
            if arguments.part.lower() in title.lower():
                print(title)
                measured[title] = []
                for figure in part:
                    measured[title].append(figure)
                    print(as_line(figure), flush=True)
    figures = [figure for part in measured.values() for figure in part]
    worse = regressions(figures, read_recorded())
    for one in worse:
        print(f"worse than recorded: {one}")
    if arguments.write:
        record(figures)
        write_lives(bench.lives)
        capacity_page.DOCUMENT.write_text(capacity_page.page(), "utf-8")
        write_document(measured, bench)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
