"""`python -m local`: the whole bridge on this machine, with a small campaign played through it.

Stays up afterwards until Ctrl-C; with `--once` it ends, with exit status 0 only if every message
came out as it should. With `--faults` three things are wrong in the end, for practice. Wants
layers/ on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack

from rich.console import Console
from rich.markup import escape

from local import report
from local.campaign import CASES, play
from local.console import console as console_of
from local.containers import open_to_containers
from local.faults import faults
from local.processes import ProcessFailedError
from local.progress import steps_on
from local.stack import LocalStack

INTERRUPTED = 130


async def run(console: Console, *, once: bool, practise: bool, port: int) -> int:
    """Start the stack, play the campaign, and stay up if asked to."""
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - run as a task  # nosec B101

    def on_signal() -> None:
        # The first signal starts an orderly end; more of them must not disturb it.
        if not stop.is_set():
            stop.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)

    status = INTERRUPTED
    try:
        step = steps_on(console)
        async with AsyncExitStack() as opened:
            stack = await opened.enter_async_context(LocalStack(step, port=port))
            url = await opened.enter_async_context(console_of(stack))
            where = f"The console, in your browser: [bold]{url}[/]"
            if not once:
                console.print(where, highlight=False)
            with step(f"Playing a campaign of {len(CASES)} messages (half a minute)"):
                results = await play(stack)
            console.print(report.outcomes(results), soft_wrap=True, highlight=False)
            status = 0 if all(result.as_expected for result in results) else 1
            console.print(report.verdict(results))
            if not once:
                await opened.enter_async_context(open_to_containers(stack))
                # Unbroken and without colours, so that a command can be copied.
                console.print(
                    report.what_to_try(stack), soft_wrap=True, highlight=False, markup=False
                )
                console.print(f"\n{where}\nCtrl-C stops everything.", highlight=False)
            if practise:
                made = await opened.enter_async_context(faults(stack))
                console.print(report.what_is_wrong(made), soft_wrap=True, highlight=False)
            if not once:
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    return status


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the campaign")
    parser.add_argument("--faults", action="store_true", help="make three faults after it")
    parser.add_argument("--port", type=int, default=0, help="the first of five fixed ports")
    arguments = parser.parse_args()
    console = Console()
    try:
        return asyncio.run(
            run(console, once=arguments.once, practise=arguments.faults, port=arguments.port)
        )
    except ProcessFailedError as error:
        # A log's brackets are no markup.
        console.print(f"[red]failed[/] {escape(str(error))}", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
