"""Child processes that never outlive the runner, and the ports they listen on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
TAIL_LINES = 40
SECONDS_TO_STOP = 2.0
# Reads from a pipe whose other end only the runner holds: it ends with the runner, however that
# ends. A runner that is killed stops nothing by itself.
_END_WITH_RUNNER = 'read -r _; kill -s KILL -- "-$0" 2>/dev/null'


class ProcessFailedError(Exception):
    """A child process ended badly, or not in time. Its message ends with the tail of its log."""


class PortInUseError(ProcessFailedError):
    """Something else listens on a port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use: choose another PORT, five in a row are used")


def free_port(wanted: int = 0) -> int:
    """Find a loopback port that nothing listens on.

    For programs that cannot take port 0; whoever can should bind that instead.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            raise PortInUseError(wanted) from None
        port: int = probe.getsockname()[1]
        return port


def child_environment(**extra: str) -> dict[str, str]:
    """Build an environment for children without this shell's AWS account, proxies and imports."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not _is_proxy(name) and name != "PYTHONPATH"
    }
    return {**kept, **extra}


def proxies() -> dict[str, str]:
    """Return this shell's proxies, for a child that fetches something from outside."""
    return {name: value for name, value in os.environ.items() if _is_proxy(name)}


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy")


def tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


async def run(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path, seconds: int
) -> None:
    name = " ".join(Path(part).name if index == 0 else part for index, part in enumerate(command))
    async with running(command, log=log, environment=environment, folder=folder) as process:
        try:
            status = await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            raise ProcessFailedError(f"{name}: no end after {seconds} s\n{tail(log)}") from None
    if status != 0:
        raise ProcessFailedError(f"{name}: exit status {status}\n{tail(log)}")


@asynccontextmanager
async def running(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Keep a process running within the context; stop it and its children at the end.

    The child leads a session of its own: a Ctrl-C in the terminal reaches the runner alone, which
    then stops its children in order. If the runner is killed they are killed as well.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    async with _ends_with_runner(process.pid):
        try:
            yield process
        finally:
            await _stop(process)


@asynccontextmanager
async def _ends_with_runner(group: int) -> AsyncIterator[None]:
    watch = await asyncio.create_subprocess_exec(
        *("sh", "-c", _END_WITH_RUNNER, str(group)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # Before its pipe is closed: by then the number may be another's.
        _signal_group(watch, signal.SIGKILL)
        await watch.wait()


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal_group(process, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), SECONDS_TO_STOP)
    # Also after a good end: what it started may be left over.
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
