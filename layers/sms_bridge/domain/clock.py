"""Time as the bridge writes it down."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime, strftime

Clock = Callable[[], float]
"""Seconds since the epoch; ``time.time`` in production."""


def timestamp(seconds: float) -> str:
    """Return ISO 8601 in UTC with milliseconds: ``2026-11-24T09:30:00.125Z``."""
    whole, microseconds = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_to_the_second(whole)}.{microseconds // 1000:03d}Z"


@lru_cache(maxsize=8)
def _to_the_second(whole: int) -> str:
    # Written again and again within one second.
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(whole))


def seconds_of(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 text; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
