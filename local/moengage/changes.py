"""What a test can wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changing:
    """Something whose changes can be waited for."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, looking at each change."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _has_changed(self) -> None:
        async with self._changed:
            self._changed.notify_all()
