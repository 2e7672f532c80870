"""`python -m local.sam_local`: gives the events of events/ to the functions in Lambda's containers.

SAM CLI runs a container for each function, on what `sam build` made. The containers have a real
table, secret and queues, and the simulators of 8x8 and MoEngage: those of the local stack. Needs a
container engine, and ends with exit status 2 where there is none: what was asked for was not done.
Wants layers/ on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from rich.console import Console

from local.containers import (
    NotPossibleError,
    accept_tokens_of_events,
    from_container,
    gateway,
    reachable,
    remove,
    write_environment,
)
from local.deployment import processor
from local.event_files import EventFile, event_files, in_short, put_messages
from local.guard import CONTAINERS_NAME
from local.processes import (
    LOOPBACK,
    ProcessFailedError,
    child_environment,
    free_port,
    running,
    tail,
)
from local.progress import steps_on
from local.servers import serve
from local.stack import PROJECT, SAM, LocalStack
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable

SECONDS_TO_START = 900
SECONDS_TO_ANSWER = 120

WRONG_ANSWERS, NOT_POSSIBLE, INTERRUPTED = 1, 2, 130

NO_IMAGE = """\
Nothing was run: the image of the Lambda runtime is not here and could not be pulled.
Get it where there is a network:  docker pull {image}
Once it is here:                  make sam-local SAM_LOCAL_ARGS=--skip-pull-image
SAM CLI says: {reason}"""


async def run(console: Console, pattern: str, sam_arguments: Sequence[str]) -> int:
    files = event_files(pattern)
    if not files:
        raise NotPossibleError(f"No event matches {pattern!r}.")
    address = await gateway()
    wrong = []
    async with AsyncExitStack() as opening:
        work = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="sms-bridge-sam-")))
        stack = await opening.enter_async_context(LocalStack(steps_on(console)))
        answers: list[dict[str, Any]] = []
        cloudformation_url = await opening.enter_async_context(_cloudformation(answers))
        urls = (stack.aws.endpoint, stack.eightx8_url, stack.moengage_url, cloudformation_url)
        await opening.enter_async_context(reachable(address, *urls))
        await asyncio.to_thread(accept_tokens_of_events, stack)
        with steps_on(console)("Starting a container a function (sam local start-lambda)"):
            url = await opening.enter_async_context(_containers(stack, work, sam_arguments))
        for file in files:
            event = file.event
            if file.function == "fill_secret":
                answer_to = f"{from_container(cloudformation_url)}/"
                event = file.answered_at(answer_to, stack.deployment.secret_arn)
            await asyncio.to_thread(_prepare, stack, file)
            answer = await _invoke(url, file.logical_id, event)
            came = in_short(answers.pop() if answers else answer)
            mark = "[green]as expected[/]" if came == file.answer else f"[red]not {file.answer}[/]"
            console.print(f"{file.name:46} {came:34} {mark}", highlight=False)
            if came != file.answer:
                wrong.append(file.name)
        if wrong:
            console.print(tail(work / "containers.log"), markup=False, highlight=False)
    console.print(
        f"{len(files) - len(wrong)} of {len(files)} events were answered as they should be"
        + (f"; not {', '.join(wrong)}" if wrong else ""),
        soft_wrap=True,
        highlight=False,
    )
    return WRONG_ANSWERS if wrong else 0


@asynccontextmanager
async def _cloudformation(answers: list[dict[str, Any]]) -> AsyncIterator[str]:
    """Stand where CloudFormation waits for a custom resource's answer; gives the URL."""

    async def take(request: web.Request) -> web.Response:
        answers.append(json.loads(await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_put("/", take)
    async with serve(application) as url:
        yield url


def _prepare(stack: LocalStack, file: EventFile) -> None:
    """Put what an event speaks of into the table, and take out what earlier ones left there."""
    table, client = stack.deployment.messages_table, stack.aws.dynamodb
    keys = [
        key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]
    ]
    for page in client.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            client.delete_item(TableName=table, Key={key: item[key] for key in keys})
    put_messages(DynamoDBMessages(MessagesTable(client, table)), file.event)


@asynccontextmanager
async def _containers(
    stack: LocalStack, work: Path, sam_arguments: Sequence[str]
) -> AsyncIterator[str]:
    """Run a container for each function; gives the URL of their Lambda API."""
    environment = work / "environment.json"
    await asyncio.to_thread(write_environment, stack, environment)
    settings = work / "samconfig.toml"
    settings.write_text("version = 0.1\n")
    port = free_port()
    command = [
        *(str(SAM), "local", "start-lambda", "--config-file", str(settings)),
        *("--template", str(stack.sam.build_folder / "template.yaml")),
        *("--parameter-overrides", f"Arch={processor()}"),
        *("--env-vars", str(environment), "--add-host", f"{CONTAINERS_NAME}:host-gateway"),
        *("--warm-containers", "EAGER", "--host", LOOPBACK, "--port", str(port)),
        *sam_arguments,
    ]
    log = work / "containers.log"
    variables = child_environment(**stack.aws.environment, SAM_CLI_TELEMETRY="0")
    try:
        async with running(command, log=log, environment=variables, folder=PROJECT) as process:
            await _until_open(port, process, log)
            yield f"http://{LOOPBACK}:{port}"
    finally:
        # SAM CLI does not always stop all of them.
        started = re.findall(r"SAM_CONTAINER_ID: (\w+)", log.read_text(errors="replace"))
        if started:
            await remove(started)


async def _until_open(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    for _ in range(SECONDS_TO_START * 2):
        if process.returncode is not None:
            break
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        await asyncio.sleep(0.5)
    registry = "public.ecr.aws"
    lines = [line for line in log.read_text(errors="replace").splitlines() if registry in line]
    if lines:
        image = f"{registry}/lambda/python:3.13-{processor()}"
        raise NotPossibleError(NO_IMAGE.format(image=image, reason=lines[-1].strip()))
    raise ProcessFailedError(f"sam local start-lambda did not start\n{tail(log)}")


async def _invoke(url: str, function: str, event: dict[str, Any]) -> Any:
    timeout = aiohttp.ClientTimeout(SECONDS_TO_ANSWER)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.post(f"{url}/2015-03-31/functions/{function}/invocations", json=event) as answer,
    ):
        return json.loads(await answer.read() or "null")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.sam_local", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--events", default="*", help="which events, such as 'send_sms/*'")
    arguments, sam_arguments = parser.parse_known_args()
    console = Console(width=None if os.isatty(1) else 150)
    try:
        return asyncio.run(run(console, arguments.events, sam_arguments))
    except NotPossibleError as error:
        console.print(error, markup=False, highlight=False, soft_wrap=True)
        return NOT_POSSIBLE
    except ProcessFailedError as error:
        console.print(f"failed {error}", markup=False, highlight=False)
        return WRONG_ANSWERS
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
