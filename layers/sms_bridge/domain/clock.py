"""Time as the bridge writes it down."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], float]
"""Seconds since the epoch; ``time.time`` in production."""


@lru_cache(maxsize=8)  # the same moment is written again and again
def timestamp(seconds: float) -> str:
    """Return ISO 8601 in UTC with milliseconds: ``2026-11-24T09:30:00.125Z``."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def seconds_of(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 text; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
