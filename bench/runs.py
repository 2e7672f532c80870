"""Runs a function in a process of its own, counting its instructions or taking its times."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

WORKER = Path(__file__).with_name("worker.py")
SECONDS_TO_RUN = 300

# The interpreter behind this environment, without the environment: -S leaves out what is installed
# on this machine, -s and -P leave out folders that Lambda has not.
PYTHON = Path(sys.executable).resolve()
_FLAGS = ("-S", "-s", "-P", "-B")
_VALGRIND = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_COUNTED = re.compile(r"^==\d+== I\s+refs:\s+([\d,]+)$", re.MULTILINE)


class RunFailedError(Exception):
    """A run, or the build before it, ended badly; tells the end of what it printed."""


@dataclass(frozen=True)
class Function:
    """What is run.

    Attributes
    ----------
    name
        For people.
    folders
        Where its code is, in the order of ``sys.path``: its own folder, then its layer.
    environment
        All its variables.
    """

    name: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Timed:
    """What a run without valgrind found; seconds and kilobytes.

    Attributes
    ----------
    started_cpu
        CPU time from the start of the interpreter to the end of the import.
    invocations
        Wall time and CPU time of each invocation.
    log
        What was written to standard output.
    """

    started_cpu: float
    peak_rss: int
    answers: list[Any]
    invocations: list[tuple[float, float]]
    log: bytes


def has_valgrind() -> bool:
    """Tell whether instructions can be counted on this machine."""
    return shutil.which("valgrind") is not None


def count_instructions(
    function: Function, events: Sequence[Any] | None = None, most: int = 0
) -> int:
    """Run a function under valgrind.

    Parameters
    ----------
    events
        What it could be given; all are read, so that runs that differ in ``most`` alone differ by
        invocations alone. ``None``: it is started and ends.
    most
        How many of the events it is given.

    Returns
    -------
    int
        Instructions of the whole process in user space, from its first to the last invocation's.
    """
    output, _, _ = _run(function, events, 0, most, ("valgrind", *_VALGRIND))
    return instructions_in(output)


def instructions_in(output: str) -> int:
    """Read valgrind's count.

    Raises
    ------
    RunFailedError
        There is none.
    """
    found = _COUNTED.search(output)
    if not found:
        raise RunFailedError(f"valgrind counted nothing:\n{output[-2000:]}")
    return int(found.group(1).replace(",", ""))


def take_times(
    function: Function, events: Sequence[Any] | None = None, *, first: int = 0, most: int = 0
) -> Timed:
    """Run a function and take times; its events are those from ``first`` on, ``most`` of them."""
    _, result, log = _run(function, events, first, most, ())
    return Timed(
        started_cpu=result["started_cpu"],
        peak_rss=result["peak_rss"],
        answers=result["answers"],
        invocations=[(wall, cpu) for wall, cpu in result["times"]],
        log=log,
    )


def _run(
    function: Function,
    events: Sequence[Any] | None,
    first: int,
    most: int,
    under: tuple[str, ...],
) -> tuple[str, dict[str, Any], bytes]:
    with TemporaryDirectory(prefix="sms-bridge-bench-") as folder:
        work = Path(folder)
        events_file = "-"
        if events is not None:
            (work / "events.json").write_text(json.dumps(events), "utf-8")
            events_file = str(work / "events.json")
        result = work / "result.json"
        command = [
            *under,
            *(str(PYTHON), *_FLAGS, str(WORKER)),
            *(":".join(map(str, function.folders)), events_file, str(first), str(most)),
            "-" if under else str(result),
        ]
        with (work / "log").open("wb") as log:
            ended = subprocess.run(  # noqa: S603 - our own interpreter
                command,
                env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", **function.environment},
                cwd=folder,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                timeout=SECONDS_TO_RUN,
                check=False,
            )
        if ended.returncode != 0:
            raise RunFailedError(f"{function.name}: {ended.stderr[-3000:]}")
        found = {} if under else json.loads(result.read_bytes())
        return ended.stderr, found, (work / "log").read_bytes()
