"""What a report to MoEngage came to, and when it is made again."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sms_bridge.domain.attempt import jittered
from sms_bridge.domain.message import Message, Outcome

# Length of the shortest lease: forward_outcome's timeout plus clock skew.
LEASE_SECONDS = 40

# Seconds between the tries, about nine hours in all.
WAITS = (5, 30, 120, 300, 900, 1800, 3600, 5400, 7200, 7200, 7200)

_MAX_RETRY_AFTER = 3600

# An inbound message is passed on again after half the time that it has waited, for a day.
_FIRST_WAIT = 60
_LONGEST_WAIT = 7200
_SECONDS_TO_PASS_ON = 86_400

# While the circuit is open an outcome waits as long again as it has waited. The shortest wait, less
# a fifth, is a lease's length.
_SHORTEST_PAUSE = 50
_LONGEST_PAUSE = 300


class ReportVerdict(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"  # MoEngage does not accept it, now or later


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReportResult:
    verdict: ReportVerdict
    http_status: int = 0
    """0 where there was no answer."""
    error: str = ""
    """Kind of the failure where there was no answer."""
    retry_after: float | None = None
    """Seconds that MoEngage asked to wait for, where it did."""


Report = Callable[[Message, Outcome], ReportResult]
"""Reports an outcome to MoEngage, once."""


def seconds_before_next_try(
    tries: int, chance: float, retry_after: float | None = None
) -> int | None:
    """Return how long to wait before the next report, in whole seconds; ``None`` after the last.

    ``tries``, at least 1, is how often the outcome was reported. ``chance``, between 0 and 1, makes
    the jitter. ``retry_after``, what MoEngage asked for, only lengthens the wait, to an hour at
    most.
    """
    if tries > len(WAITS):
        return None
    return round(max(jittered(WAITS[tries - 1], chance), min(retry_after or 0, _MAX_RETRY_AFTER)))


def seconds_while_circuit_is_open(age: float, chance: float) -> int:
    """Return how long an outcome that is due for so long waits while MoEngage is not called."""
    return round(jittered(min(max(age, _SHORTEST_PAUSE), _LONGEST_PAUSE), chance))


def seconds_before_passing_on_again(age: float, retry_after: float | None = None) -> int | None:
    """Return how long to wait before an inbound message of this age is passed on again.

    ``None`` when it is to be given up. ``retry_after`` lengthens the wait as above.
    """
    if age > _SECONDS_TO_PASS_ON:
        return None
    wait = min(max(age / 2, _FIRST_WAIT), _LONGEST_WAIT)
    return round(max(wait, min(retry_after or 0, _MAX_RETRY_AFTER)))


def holds_lease(message: Message, *, lease: str, receives: int, now: float) -> bool:
    """Return whether a record may be reported without another write: its lease lasts so long.

    Such a record is queued once at most. If SQS delivers it twice, the second delivery says so
    (``receives``); where it does not, MoEngage gets the outcome twice.
    """
    is_its_own = bool(lease) and lease == message.outcome_lease_owner and receives == 1
    return is_its_own and now + LEASE_SECONDS + 10 < message.outcome_lease_until
