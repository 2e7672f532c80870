"""Runs a function in a process of its own, counting its instructions or taking its times."""

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
PYTHON = (str(Path(sys.executable).resolve()), "-S", "-s", "-P", "-B")
_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_COUNTED = re.compile(r"^==\d+== I\s+refs:\s+([\d,]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Function:
    """What is run: its folders in the order of ``sys.path``, and all its variables."""

    name: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    # By how much its time limits are stretched under valgrind, or where moto takes its time.
    slowness: int = 50


@dataclass(frozen=True)
class Run:
    """What a run without valgrind found."""

    start_cpu: float  # CPU seconds from the start of the interpreter until the import had ended
    peak_kb: int  # resident memory, at most
    answers: list[Any]
    # Begin and end by the system's monotonic clock, and CPU seconds, of each.
    invocations: list[tuple[float, float, float]]
    log: bytes  # what was written to standard output

    @property
    def warm_cpu(self) -> float:
        return median(cpu for _, _, cpu in self.invocations[len(self.invocations) // 4 :])


def count_instructions(function: Function, events: Sequence[Any], most: int) -> int:
    """Run a function under valgrind; returns all its instructions in user space.

    All events are read, so that runs that differ in ``most`` alone differ by invocations alone.
    """
    ended, _ = _run(function, events, most, function.slowness, under=_VALGRIND)
    found = _COUNTED.search(ended.stderr.decode())
    if not found:
        raise RuntimeError(f"valgrind counted nothing: {ended.stderr[-2000:]!r}")
    return int(found[1].replace(",", ""))


def run(function: Function, events: Sequence[Any] = (), *, is_patient: bool = False) -> Run:
    ended, result = _run(function, events, len(events), function.slowness if is_patient else 1)
    return Run(**result, log=ended.stdout)


def _run(
    function: Function, events: Sequence[Any], most: int, slowness: int, under: Sequence[str] = ()
) -> tuple[subprocess.CompletedProcess[bytes], dict[str, Any]]:
    folders, result = ":".join(map(str, function.folders)), "-" if under else "result.json"
    given = (folders, "events.json", str(most), result, str(slowness))
    with TemporaryDirectory(prefix="sms-bridge-bench-") as folder:
        (Path(folder) / "events.json").write_text(json.dumps(events), "utf-8")
        ended = subprocess.run(  # noqa: S603 - our own interpreter
            [*under, *PYTHON, str(WORKER), *given],
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", **function.environment},
            cwd=folder,
            capture_output=True,
            timeout=SECONDS_TO_RUN,
            check=False,
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{function.name}: {ended.stderr.decode()[-3000:]}")
        return ended, {} if under else json.loads((Path(folder) / result).read_bytes())
