"""What the local stack starts ends with it, however that ends."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.aws import Aws
from local.deployment import Sam
from local.processes import ProcessFailedError, run, running
from local.stack import _temporary_folder

SECONDS_TO_WAIT = 120

# Starts a shell that starts another process, and prints both their ids.
STARTS_TWO = ("sh", "-c", "sleep 300 & echo $$ $! > ids.part; mv ids.part ids; wait")
RUNNER = f"""
import asyncio, os
from pathlib import Path
from local.processes import running

async def main():
    folder = Path.cwd()
    async with running({STARTS_TWO!r}, log=folder / "log", environment=os.environ, folder=folder):
        (folder / "runs").touch()
        await asyncio.Event().wait()

asyncio.run(main())
"""


def lives(process_id: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody asked for does not."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process_id}/stat")
    return not status.exists() or ") Z " not in status.read_text()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_TO_WAIT):
        while not condition():
            await asyncio.sleep(0.01)


async def ids_in(folder: Path) -> list[int]:
    await until((folder / "ids").exists)
    return [int(one) for one in (folder / "ids").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_outlives_a_runner_that_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    project = str(Path(__file__).parents[2])
    runner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUNNER, cwd=tmp_path, env={**os.environ, "PYTHONPATH": project}
    )
    ids = await ids_in(tmp_path)
    assert all(lives(one) for one in ids)
    await until((tmp_path / "runs").exists)

    runner.send_signal(number)
    await runner.wait()

    await until(lambda: not any(lives(one) for one in ids))


async def test_at_the_end_what_was_started_has_been_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running(STARTS_TWO, log=log, environment=os.environ, folder=tmp_path):
        ids = await ids_in(tmp_path)

    await until(lambda: not any(lives(one) for one in ids))


async def test_what_ends_badly_shows_the_tail_of_its_log(tmp_path: Path) -> None:
    command, log = ("sh", "-c", "echo why it failed; exit 3"), tmp_path / "log"

    with pytest.raises(ProcessFailedError, match="exit status 3\\nwhy it failed"):
        await run(command, log=log, environment=os.environ, folder=tmp_path, seconds=20)


async def test_sam_build_has_this_shells_proxies_and_sam_deploy_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip fetches the layer's packages through them; the emulator is on this machine."""
    program = tmp_path / "sam"
    program.write_text('#!/bin/sh\nenv > "$SEEN/$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("SEEN", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    sam = Sam(program, tmp_path, tmp_path, Aws("http://127.0.0.1:1", "000000000001"))

    await sam.build()
    await sam._sam("deploy", seconds=SECONDS_TO_WAIT)

    built, deployed = ((tmp_path / name).read_text().splitlines() for name in ("build", "deploy"))
    assert {"HTTPS_PROXY=http://proxy.invalid:3128", "no_proxy=localhost"} <= set(built)
    assert not [line for line in deployed if "proxy" in line.lower()]


async def test_the_stacks_files_are_removed_when_it_ends() -> None:
    async with _temporary_folder() as folder:
        (folder / "build").mkdir()
        (folder / "build/template.yaml").write_text("Resources: {}")

    await until(lambda: not folder.exists())
