"""Functions in AWS's Runtime Interface Emulator: a process for each, as Lambda has an environment.

The emulator comes with SAM CLI, the runtime interface client from PyPI: both are AWS's own. What
they do not do here: limit memory and processor, freeze between invocations, start new environments.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench import artifact
from bench.runs import PYTHON, Function
from local.deployment import processor
from local.processes import LOOPBACK, ProcessFailedError, free_port, running, tail

EMULATOR = (
    artifact.PROJECT
    / ".venv/sam/lib/python3.13/site-packages/samcli/local/rapid"
    / f"aws-lambda-rie-{processor()}"
)
_INVOKE = "/2015-03-31/functions/function/invocations"
_SECONDS_TO_START = 30


class FunctionError(Exception):
    """The function raised, was stopped, or ended."""


@dataclass(frozen=True)
class Environment:
    """One execution environment: it takes one event at a time."""

    url: str
    log: Path


class Pool:
    """The execution environments of one function.

    Parameters
    ----------
    session
        For calling them.
    """

    def __init__(self, environments: list[Environment], session: aiohttp.ClientSession) -> None:
        self._session = session
        self._idle: asyncio.LifoQueue[Environment] = asyncio.LifoQueue()
        for environment in environments:
            self._idle.put_nowait(environment)
        self.size = len(environments)

    async def invoke(self, event: Any) -> Any:
        """Give an event to the environment that becomes idle first.

        Raises
        ------
        FunctionError
            No answer came of it.
        """
        environment = await self._idle.get()
        try:
            async with self._session.post(environment.url, json=event) as answer:
                content = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise FunctionError(f"{type(error).__name__}\n{tail(environment.log)}") from error
        finally:
            self._idle.put_nowait(environment)
        if isinstance(content, dict) and "errorType" in content:
            raise FunctionError(f"{content['errorType']}: {content.get('errorMessage')}")
        return content


@asynccontextmanager
async def pool_of(
    function: Function, size: int, folder: Path, *, seconds: int
) -> AsyncIterator[Pool]:
    """Keep environments of a function running within the context.

    Parameters
    ----------
    folder
        For their logs.
    seconds
        The function's timeout.
    """
    async with AsyncExitStack() as opening:
        environments = [
            await opening.enter_async_context(_environment(function, number, folder, seconds))
            for number in range(size)
        ]
        session = await opening.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(seconds + 5),
                trust_env=False,
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        yield Pool(environments, session)


@asynccontextmanager
async def _environment(
    function: Function, number: int, folder: Path, seconds: int
) -> AsyncIterator[Environment]:
    port, api_port = free_port(), free_port()
    log = folder / f"{function.name}-{number}.log"
    command = [
        *(str(EMULATOR), "--runtime-interface-emulator-address", f"{LOOPBACK}:{port}"),
        *("--runtime-api-address", f"{LOOPBACK}:{api_port}"),
        *(str(PYTHON), "-s", "-B", "-m", "awslambdaric", "app.handler"),
    ]
    environment = {
        "PATH": "/usr/bin:/bin",
        **function.environment,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        # As on Lambda the runtime's own packages come last.
        "PYTHONPATH": ":".join(map(str, (*function.folders, artifact.LIBRARIES))),
    }
    environment.pop("_HANDLER", None)
    async with running(
        command, log=log, environment=environment, folder=function.folders[0]
    ) as process:
        for _ in range(_SECONDS_TO_START * 20):
            if process.returncode is not None:
                raise ProcessFailedError(f"{function.name} did not start\n{tail(log)}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        else:
            raise ProcessFailedError(f"{function.name} did not start in time\n{tail(log)}")
        yield Environment(f"http://{LOOPBACK}:{port}{_INVOKE}", log)
