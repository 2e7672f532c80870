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
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from rich.console import Console

from local.aws import Aws
from local.deployment import STACK_NAME, processor
from local.event_files import TOKENS, EventFile, event_files, in_short, put_messages
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

# How a container calls this machine.
HOST = "host.docker.internal"
SECONDS_TO_START = 900
SECONDS_TO_ANSWER = 120
SECONDS_TO_ASK_THE_ENGINE = 30

WRONG_ANSWERS, NOT_POSSIBLE, INTERRUPTED = 1, 2, 130

NO_ENGINE = """\
Nothing was run: no container engine answers.
`sam local` runs functions in containers. Install Docker and start it, or set DOCKER_HOST to an
engine that runs. Without one, `make unit` gives the same events to the same handlers.
SAM CLI says: {reason}"""

NO_IMAGE = """\
Nothing was run: the image of the Lambda runtime is not here and could not be pulled.
Get it where there is a network:  docker pull {image}
Once it is here:                  make sam-local SAM_LOCAL_ARGS=--skip-pull-image
SAM CLI says: {reason}"""

# Run by SAM CLI's interpreter: finds an engine as SAM CLI itself will.
CONNECT = """
import sys
from ipaddress import ip_network
from docker.errors import NotFound
from samcli.local.docker.container_client_factory import ContainerClientFactory
client = ContainerClientFactory.create_client()
"""
GATEWAY = """
network = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
print(network.get("Gateway") or ip_network(network["Subnet"])[1])
"""
REMOVE_CONTAINERS = """
for container in sys.argv[1:]:
    try:
        client.containers.get(container).remove(force=True)
    except NotFound:
        pass
"""


class NotPossibleError(Exception):
    """Something that this needs is not on this machine; says what, and what to do."""


async def run(console: Console, pattern: str, sam_arguments: Sequence[str]) -> int:
    """Run the events and print what came of each.

    Parameters
    ----------
    pattern
        Which events, by their names below events/.
    sam_arguments
        Further arguments for SAM CLI.

    Returns
    -------
    int
        The exit status.
    """
    files = event_files(pattern)
    if not files:
        raise NotPossibleError(f"No event matches {pattern!r}.")
    gateway = await _ask_engine(GATEWAY)
    wrong = 0
    async with AsyncExitStack() as opening:
        work = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="sms-bridge-sam-")))
        stack = await opening.enter_async_context(LocalStack(steps_on(console)))
        told: list[dict[str, Any]] = []
        cloudformation_url = await opening.enter_async_context(_cloudformation(told))
        for url in (stack.aws.endpoint, stack.eightx8_url, stack.moengage_url, cloudformation_url):
            await opening.enter_async_context(_reachable_at(gateway, urlsplit(url).port or 80))
        await asyncio.to_thread(_prepare, stack, files)
        with steps_on(console)("Starting a container a function (sam local start-lambda)"):
            url = await opening.enter_async_context(_containers(stack, work, sam_arguments))
        for file in files:
            event = file.event
            if file.function == "fill_secret":
                answer_to = f"{_from_container(cloudformation_url)}/"
                event = file.answered_at(answer_to, stack.deployment.secret_arn)
            answer = await _invoke(url, file.logical_id, event)
            came = in_short(told.pop() if told else answer)
            mark = "[green]as expected[/]" if came == file.answer else f"[red]not {file.answer}[/]"
            console.print(f"{file.name:46} {came:34} {mark}", highlight=False)
            wrong += came != file.answer
        if wrong:
            console.print(tail(work / "containers.log"), markup=False, highlight=False)
    console.print(f"{len(files) - wrong} of {len(files)} events were answered as they should be")
    return WRONG_ANSWERS if wrong else 0


async def _ask_engine(script: str, *arguments: str) -> str:
    """Have the container engine do something; returns what the script prints.

    Raises
    ------
    NotPossibleError
        No container engine answers.
    """
    process = await asyncio.create_subprocess_exec(
        *(str(SAM.with_name("python")), "-c", CONNECT + script, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment(SAM_CLI_TELEMETRY="0"),
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS_TO_ASK_THE_ENGINE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotPossibleError(NO_ENGINE.format(reason="no answer")) from None
    if process.returncode != 0:
        last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotPossibleError(NO_ENGINE.format(reason=last_line.partition(": ")[2]))
    return output.decode().strip()


@asynccontextmanager
async def _cloudformation(told: list[dict[str, Any]]) -> AsyncIterator[str]:
    """Stand where CloudFormation waits for a custom resource's answer; gives the URL."""

    async def hear(request: web.Request) -> web.Response:
        told.append(json.loads(await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_put("/", hear)
    async with serve(application) as url:
        yield url


@asynccontextmanager
async def _reachable_at(gateway: str, port: int) -> AsyncIterator[None]:
    """Let containers reach a loopback port of this machine, at the gateway of their network.

    Where containers run in a virtual machine the gateway is none of this machine's addresses, and
    the engine itself leads them to loopback.
    """

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
            await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    try:
        server = await asyncio.start_server(relay, gateway, port)
    except OSError:
        yield
        return
    async with server:
        yield
        server.close_clients()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


def _prepare(stack: LocalStack, files: Sequence[EventFile]) -> None:
    """Put in place what events speak of: their tokens beside the stack's own, their messages."""
    client, arn = stack.aws.secretsmanager, stack.deployment.secret_arn
    secret = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    for name, token in TOKENS.items():
        secret[name].append(token)
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(secret))
    messages = DynamoDBMessages(stack.aws.dynamodb, stack.deployment.messages_table)
    for file in files:
        put_messages(messages, file.event)


@asynccontextmanager
async def _containers(
    stack: LocalStack, work: Path, sam_arguments: Sequence[str]
) -> AsyncIterator[str]:
    """Run a container for each function; gives the URL of their Lambda API.

    Raises
    ------
    NotPossibleError
        The runtime's image is not there.
    ProcessFailedError
        They did not start.
    """
    environment = work / "environment.json"
    environment.write_text(json.dumps(await asyncio.to_thread(_environments, stack.aws)))
    settings = work / "samconfig.toml"
    settings.write_text("version = 0.1\n")
    port = free_port()
    command = [
        *(str(SAM), "local", "start-lambda", "--config-file", str(settings)),
        *("--template", str(stack.build_folder / "template.yaml")),
        *("--parameter-overrides", f"Arch={processor()}"),
        *("--env-vars", str(environment), "--add-host", f"{HOST}:host-gateway"),
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
            await _ask_engine(REMOVE_CONTAINERS, *started)


def _environments(aws: Aws) -> dict[str, dict[str, str]]:
    """Read the environment of each deployed function, as it has to be in a container."""
    found = {}
    for resource in aws.cloudformation.describe_stack_resources(StackName=STACK_NAME)[
        "StackResources"
    ]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            function = aws.lambda_.get_function_configuration(
                FunctionName=resource["PhysicalResourceId"]
            )
            variables = function["Environment"]["Variables"]
            found[resource["LogicalResourceId"]] = {
                name: _from_container(value) for name, value in variables.items()
            }
    return found


def _from_container(text: str) -> str:
    return text.replace(f"//{LOOPBACK}:", f"//{HOST}:")


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
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m local.sam_local", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--events", default="*", help="which events, such as 'send_sms/*'")
    arguments, sam_arguments = parser.parse_known_args()
    # For this process alone: its children run what was built.
    os.environ.pop("PYTHONPATH", None)
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
