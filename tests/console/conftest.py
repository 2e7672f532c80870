"""One deployed stack with its console, and one Chromium, for all tests of a process."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from local.console import console
from local.stack import LocalStack
from tests.console.desk import Desk

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # Nothing but this machine is there, and a name that somebody pointed at it.
    "--host-resolver-rules=MAP rebound.example 127.0.0.1, MAP * ~NOTFOUND, "
    "EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[LocalStack]:
    """What `make run` starts."""
    async with LocalStack() as stack:
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def url(stack: LocalStack) -> AsyncIterator[str]:
    """The console's address."""
    async with console(stack) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that `make browser` found."""
    program = os.environ.get("CHROMIUM")
    if not program:
        pytest.fail("CHROMIUM names no browser: run these tests by `make browser`")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(chromium: Browser, url: str) -> AsyncIterator[Desk]:
    """The page in a window of 1280 pixels."""
    async with Desk.open(chromium, url) as desk:
        yield desk
