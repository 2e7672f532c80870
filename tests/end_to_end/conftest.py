"""One deployed stack for all end-to-end tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from local.campaign import Result, play
from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge


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
async def bridge(stack: LocalStack) -> AsyncIterator[Bridge]:
    """The deployed bridge, as its callers see it."""
    async with Bridge(stack) as bridge:
        yield bridge
