"""When an outcome that MoEngage did not take is told again."""

from dataclasses import dataclass
from enum import StrEnum

# Seconds between the tries: quick while it may be a hiccup, then for hours. About nine hours in
# all; template.yaml's maxReceiveCount is one more than there are waits.
WAITS = (5, 30, 120, 300, 900, 1800, 3600, 5400, 7200, 7200, 7200)

_MAX_RETRY_AFTER = 3600
_JITTER = 0.2


class Hearing(StrEnum):
    """What came of telling MoEngage."""

    HEARD = "heard"
    AGAIN = "again"
    REFUSED = "refused"
    """MoEngage will not take it, now or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The result of one call to MoEngage's delivery tracking.

    Attributes
    ----------
    http_status
        0 where there was no answer.
    error
        Kind of the failure where there was no answer.
    retry_after
        Seconds that MoEngage asked to wait for, where it did.
    """

    hearing: Hearing
    http_status: int = 0
    error: str = ""
    retry_after: float | None = None


def hearing_of(http_status: int) -> Hearing:
    """Judge MoEngage's answer. It documents no codes but 413, so this is HTTP's own sense."""
    if 200 <= http_status < 300:
        return Hearing.HEARD
    if 400 <= http_status < 500 and http_status not in (408, 429):
        return Hearing.REFUSED
    return Hearing.AGAIN


def seconds_before_next_try(tries: int, chance: float, retry_after: float | None = None) -> int:
    """Return how long to wait before an outcome is told again, in whole seconds.

    Parameters
    ----------
    tries
        How often it was told, at least 1.
    chance
        Between 0 and 1: spreads the wait by a fifth to both sides.
    retry_after
        What MoEngage asked for; it only lengthens the wait, to an hour at most.
    """
    planned = WAITS[min(tries, len(WAITS)) - 1]
    wait = planned * (1 + _JITTER * (2 * chance - 1))
    return round(max(wait, min(retry_after or 0, _MAX_RETRY_AFTER)))
