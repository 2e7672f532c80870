"""`make bench`: measures what `sam build` made, beside the same steps as people write them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench import artifact
from bench.artifact import Artifact
from bench.measure import Bench, Figure, failures
from bench.page import DOCUMENT, page
from bench.standins import running

RECORDED = Path(__file__).with_name("recorded.json")


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--built", action="store_true", help="measure what was built before")
    parser.add_argument(
        "--part", default="", help="only one of: starts, over_tls, warm_ones, counts"
    )
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}, and record")
    arguments = parser.parse_args()
    if not arguments.built:
        artifact.build()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="sms-bridge-bench-") as folder:
        work = Path(folder)
        with running(artifact.standins(work)) as standins:
            bench = Bench(Artifact(work, standins), work)
            for part in (bench.starts, bench.over_tls, bench.warm_ones, bench.counts):
                if arguments.part in ("", part.__name__):
                    for figure in part():
                        figures.append(figure)
                        print(as_line(figure), flush=True)
            recorded = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
            if arguments.write:
                DOCUMENT.write_text(page(bench, figures, command="make bench WRITE=1"), "utf-8")
                recorded = {one.name: float(f"{one.value:.4g}") for one in figures if one.repeats}
                RECORDED.write_text(json.dumps(recorded, indent=2) + "\n", "utf-8")
    failed = failures(figures, recorded)
    for one in failed:
        print(f"worse than it may be: {one}")
    return 1 if failed else 0


def as_line(figure: Figure) -> str:
    """Return a line for the terminal."""
    reach = "" if figure.reach is None else f"<= {figure.reach:g}"
    missed = "MISSED" if figure.is_missed else ""
    return f"{figure.name:54} {figure.shown:>8} {reach:8} {missed:7} {figure.how}"


if __name__ == "__main__":
    sys.exit(main())
