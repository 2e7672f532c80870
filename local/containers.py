"""The running stack for functions in Lambda's containers, as `sam local` starts them.

Containers reach the stack at this machine's address in their network, and get the environment of
the deployed functions with that address in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from local.deployment import STACK_NAME
from local.event_files import TOKENS
from local.guard import CONTAINERS_NAME
from local.processes import LOOPBACK, child_environment
from local.stack import PROJECT, SAM, LocalStack

ENVIRONMENT_FILE = PROJECT / ".aws-sam/environment.json"
_SECONDS_TO_ASK_THE_ENGINE = 30

_NO_ENGINE = """\
Nothing was run: no container engine answers.
`sam local` runs functions in containers. Install Docker and start it, or set DOCKER_HOST to an
engine that runs. Without one, `make unit` gives the same events to the same handlers.
SAM CLI says: {reason}"""

# Run by SAM CLI's interpreter: finds an engine as SAM CLI itself will.
_CONNECT = """
import sys
from ipaddress import ip_network
from docker.errors import NotFound
from samcli.local.docker.container_client_factory import ContainerClientFactory
client = ContainerClientFactory.create_client()
"""
_GATEWAY = """
network = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
print(network.get("Gateway") or ip_network(network["Subnet"])[1])
"""
_REMOVE = """
for container in sys.argv[1:]:
    try:
        client.containers.get(container).remove(force=True)
    except NotFound:
        pass
"""


class NotPossibleError(Exception):
    """Something that this needs is not on this machine; says what, and what to do."""


async def gateway() -> str:
    """Return this machine's address in the containers' network."""
    return await _ask_engine(_GATEWAY)


async def remove(containers: Iterable[str]) -> None:
    await _ask_engine(_REMOVE, *containers)


async def _ask_engine(script: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(str(SAM.with_name("python")), "-c", _CONNECT + script, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment(SAM_CLI_TELEMETRY="0"),
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), _SECONDS_TO_ASK_THE_ENGINE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotPossibleError(_NO_ENGINE.format(reason="no answer")) from None
    if process.returncode != 0:
        last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotPossibleError(_NO_ENGINE.format(reason=last_line.partition(": ")[2]))
    return output.decode().strip()


@asynccontextmanager
async def reachable(address: str, *urls: str) -> AsyncIterator[None]:
    """Let containers reach loopback URLs of this machine, at its address in their network.

    Where containers run in a virtual machine the address is none of this machine's, and the engine
    itself leads them to loopback.
    """
    async with AsyncExitStack() as opened:
        for url in urls:
            await opened.enter_async_context(_relay(address, urlsplit(url).port or 80))
        yield


@asynccontextmanager
async def _relay(address: str, port: int) -> AsyncIterator[None]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
            await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    try:
        server = await asyncio.start_server(relay, address, port)
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


def from_container(text: str) -> str:
    """Return a text with the URLs in it as a container has to call them."""
    return text.replace(f"//{LOOPBACK}:", f"//{CONTAINERS_NAME}:")


def accept_tokens_of_events(stack: LocalStack) -> None:
    """Add the tokens of the events in events/ to the stack's own."""
    client, arn = stack.aws.secretsmanager, stack.deployment.secret_arn
    secret = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    for name, token in TOKENS.items():
        secret[name].append(token)
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(secret))


def write_environment(stack: LocalStack, file: Path) -> None:
    """Write the environment of each deployed function for ``--env-vars``."""
    found = {}
    resources = stack.aws.cloudformation.describe_stack_resources(StackName=STACK_NAME)
    for resource in resources["StackResources"]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            function = stack.aws.lambda_.get_function_configuration(
                FunctionName=resource["PhysicalResourceId"]
            )
            variables = function["Environment"]["Variables"]
            found[resource["LogicalResourceId"]] = {
                name: from_container(value) for name, value in variables.items()
            }
    # One event has its token in the URL, which counts only where callback URLs are the stack's own.
    found["ReceiveCallback"]["CALLBACK_BASE_URL"] = "https://bridge.example"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(found, indent=2))


@asynccontextmanager
async def open_to_containers(stack: LocalStack) -> AsyncIterator[None]:
    """Have `sam local invoke` work by hand while this lasts, where there is a container engine."""
    await asyncio.to_thread(accept_tokens_of_events, stack)
    await asyncio.to_thread(write_environment, stack, ENVIRONMENT_FILE)
    try:
        async with AsyncExitStack() as opened:
            with suppress(NotPossibleError):
                urls = (stack.aws.endpoint, stack.eightx8_url, stack.moengage_url)
                await opened.enter_async_context(reachable(await gateway(), *urls))
            yield
    finally:
        # Another run may have written its own.
        with suppress(FileNotFoundError):
            if stack.deployment.secret_arn in ENVIRONMENT_FILE.read_text():
                ENVIRONMENT_FILE.unlink()
