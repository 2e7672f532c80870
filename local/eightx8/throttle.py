"""8x8's rate limits."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable

from local.eightx8.refusals import quota_exceeded


class Throttle:
    """Lets so many requests through in any one second, each key on its own."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._let_through: defaultdict[str, deque[float]] = defaultdict(deque)

    def pass_or_refuse(self, key: str) -> None:
        """Count a request."""
        now = self._clock()
        recent = self._let_through[key]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.limit:
            oldest = recent[0] if recent else now
            raise quota_exceeded(max(1, math.ceil(oldest + 1 - now)))
        recent.append(now)
