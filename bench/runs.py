"""Runs a function in a process of its own, counting its instructions or taking its times."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

WORKER = Path(__file__).with_name("worker.py")
SECONDS_TO_RUN = 600

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
    """What is run: its folders in the order of ``sys.path``, and all its variables.

    Attributes
    ----------
    slowness
        By how much its time limits are stretched under valgrind, or where moto takes its time.
    """

    name: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    slowness: int = 50


@dataclass(frozen=True)
class Run:
    """What a run without valgrind found.

    Attributes
    ----------
    started
        When the import had ended, by the system's monotonic clock.
    start_cpu
        CPU seconds from the start of the interpreter until then.
    peak_kb
        Resident memory, at most.
    invocations
        Begin, end and CPU seconds of each.
    log
        What was written to standard output.
    """

    started: float
    start_cpu: float
    peak_kb: int
    answers: list[Any]
    invocations: list[tuple[float, float, float]]
    log: bytes

    @property
    def warm_cpu(self) -> float:
        return median(cpu for _, _, cpu in self.invocations[len(self.invocations) // 4 :])


def count_instructions(function: Function, events: Sequence[Any], most: int) -> int:
    """Run a function under valgrind; returns all its instructions in user space.

    All events are read, so that runs that differ in ``most`` alone differ by invocations alone.
    """
    errors, _, _ = _run(function, events, most, ("valgrind", *_VALGRIND), function.slowness)
    found = _COUNTED.search(errors)
    if not found:
        raise RunFailedError(f"valgrind counted nothing:\n{errors[-2000:]}")
    return int(found[1].replace(",", ""))


def run(function: Function, events: Sequence[Any] = (), *, is_patient: bool = False) -> Run:
    _, result, log = _run(function, events, len(events), (), function.slowness**is_patient)
    return Run(**result, log=log)


def _run(
    function: Function, events: Sequence[Any], most: int, under: tuple[str, ...], slowness: int
) -> tuple[str, dict[str, Any], bytes]:
    with TemporaryDirectory(prefix="sms-bridge-bench-") as folder:
        work = Path(folder)
        (work / "events.json").write_text(json.dumps(events), "utf-8")
        result = work / "result.json"
        command = [
            *under,
            *(str(PYTHON), *_FLAGS, str(WORKER)),
            *(":".join(map(str, function.folders)), str(work / "events.json"), str(most)),
            *("-" if under else str(result), str(slowness)),
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
