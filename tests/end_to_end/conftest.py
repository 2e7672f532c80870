"""One deployed stack for all end-to-end tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.campaign import Result, play
from local.console import console
from local.stack import LocalStack
from tests.end_to_end.bridge import SECONDS_TO_WAIT, Bridge
from tests.end_to_end.control_api import ControlApi
from tests.end_to_end.generated_client import generate


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[LocalStack]:
    """Everything that `make run` starts."""
    async with LocalStack() as stack:
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def campaign(stack: LocalStack) -> list[Result]:
    """The campaign that `make run` plays, played once."""
    return await play(stack)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def control(stack: LocalStack) -> AsyncIterator[ControlApi]:
    """Tells 8x8 and MoEngage what to do, and asks them what they have."""
    async with console(stack) as url, ControlApi.at(url, seconds=SECONDS_TO_WAIT) as control:
        yield control


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bridge(stack: LocalStack, control: ControlApi) -> AsyncIterator[Bridge]:
    """The deployed bridge, as its callers see it."""
    async with Bridge(stack, control) as bridge:
        yield bridge


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The client that is generated from 8x8's file, ready to be imported."""
    generate(tmp_path_factory.mktemp("generated"))
