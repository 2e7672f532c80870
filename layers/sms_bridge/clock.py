"""Time as the bridge writes it down."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Seconds since the epoch; ``time.time`` in production."""


def timestamp(seconds: float) -> str:
    """Return ISO 8601 in UTC with milliseconds: ``2026-11-24T09:30:00.125Z``."""
    second, microseconds = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_second(second)}.{microseconds // 1000:03}Z"


@functools.lru_cache
def _second(seconds: int) -> str:
    """Write a second down once: a call notes several moments of it, and so do the next ones."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def seconds_of(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 text; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
