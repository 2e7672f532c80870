"""A running simulator of 8x8 for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators.eightx8_setting import Setting, a_setting


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with a_setting() as setting:
        yield setting
