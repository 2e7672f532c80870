"""`make bench`: measures what `sam build` made, beside the same steps as people write them."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.artifact import Artifact
from bench.measure import FILE, Bench, Figure, failures
from bench.page import DOCUMENT, page
from bench.standins import StandIns
from bench.template import Stack


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


if __name__ == "__main__":
    sys.exit(main())
