"""`make load`: the built functions in AWS's runtime emulator, at rising rates and in a burst.

Services are stand-ins on loopback that answer at once, so that what is measured is what the bridge
adds. All of it, the stand-ins and the load's own client too, shares this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from bench import artifact
from bench.load.page import show_burst, show_step, write_page
from bench.load.pool import EMULATOR, pool_of
from bench.load.traffic import BurstResult, Pools, Step, at_rate, burst
from bench.standins.running import running_standins

# One of these rates after the other, until the machine does not keep up.
RATES = (5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 120.0, 160.0, 240.0, 320.0, 480.0, 640.0)
ENVIRONMENTS = {"send_sms": 8, "dispatch_queue": 2, "receive_callback": 6, "forward_outcome": 4}


async def run(arguments: argparse.Namespace) -> tuple[list[Step], BurstResult]:
    """Do all of it; returns what came of each rate, and of the burst."""
    numbers = count()
    steps: list[Step] = []
    with (
        tempfile.TemporaryDirectory(prefix="sms-bridge-load-") as folder,
        running_standins(artifact.indexes(), Path(folder)) as standins,
    ):
        standins.count_only()
        variables = artifact.function("send_sms", standins).environment
        outcome_queue = variables["OUTCOME_QUEUE_URL"]
        send_queue = variables["PROMOTIONAL_QUEUE_URL"]

        async def pools(opening: AsyncExitStack, mode: str) -> Pools:
            changes = {
                "send_sms": {"DISPATCH_MODE": mode},
                # What is measured is how fast it could be.
                "dispatch_queue": {"SEND_RATE_LIMIT": "0"},
            }
            opened = {
                name: await opening.enter_async_context(
                    pool_of(
                        artifact.function(name, standins, tls=False, **changes.get(name, {})),
                        size if mode == "queued" or name != "dispatch_queue" else 1,
                        Path(folder),
                        seconds=60,
                    )
                )
                for name, size in ENVIRONMENTS.items()
            }
            return Pools(**opened)

        async with AsyncExitStack() as opening:
            direct = await pools(opening, "direct")
            # The first invocation of each environment is no part of it.
            await at_rate(20, 2, direct, standins, outcome_queue, batch_size=5, numbers=numbers)
            for rate in arguments.rates:
                step = await at_rate(
                    rate,
                    arguments.seconds,
                    direct,
                    standins,
                    outcome_queue,
                    batch_size=artifact.outcome_batch_size(),
                    numbers=numbers,
                )
                steps.append(step)
                print(show_step(step), flush=True)
                if not step.is_kept_up_with:
                    break
        async with AsyncExitStack() as opening:
            queued = await pools(opening, "queued")
            result = await burst(
                arguments.burst,
                arguments.most_seconds,
                queued,
                standins,
                send_queue,
                batch_size=artifact.default_of("DispatchBatchSize"),
                numbers=numbers,
            )
            print(show_burst(result), flush=True)
    return steps, result


def main() -> int:
    """Read the command line, load, show."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--rates",
        type=lambda text: [float(one) for one in text.split(",")],
        default=",".join(f"{rate:g}" for rate in RATES),
        help="messages a second, one after the other; it ends at the first that is too fast",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="for which each is kept up")
    parser.add_argument("--burst", type=int, default=60_000, help="messages of the burst")
    parser.add_argument(
        "--most-seconds", type=float, default=300.0, help="for which the burst may be offered"
    )
    parser.add_argument("--built", action="store_true", help="load what was built before")
    parser.add_argument("--write", action="store_true", help="write docs/load.md and docs/load.png")
    arguments = parser.parse_args()
    if not EMULATOR.exists():
        parser.error("AWS's runtime emulator is not where SAM CLI should have put it")
    if not arguments.built:
        artifact.build()
    steps, result = asyncio.run(run(arguments))
    if arguments.write:
        write_page(steps, result, ENVIRONMENTS, arguments.seconds)
    wrong = sum(step.errors.total() for step in steps) + result.errors.total()
    return 1 if wrong or result.taken_twice or result.taken != result.accepted else 0


if __name__ == "__main__":
    sys.exit(main())
