"""What a report to MoEngage came to, and when it is made again."""

from dataclasses import dataclass
from enum import StrEnum

# Seconds between the tries, about nine hours in all.
WAITS = (5, 30, 120, 300, 900, 1800, 3600, 5400, 7200, 7200, 7200)

_MAX_RETRY_AFTER = 3600
_JITTER = 0.2

# An inbound message is passed on again after half the time that it has waited, for a day.
_FIRST_WAIT = 60
_LONGEST_WAIT = 7200
_SECONDS_TO_PASS_ON = 86_400

_FAILURES_THAT_BREAK = 5
_FIRST_BREAK = 30.0
# As long as a report may take.
_SECONDS_TO_FIND_OUT = 6.0
_LONGEST_BREAK = 300.0


class ReportVerdict(StrEnum):
    """What a report to MoEngage came to."""

    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"
    """MoEngage does not accept it, now or later."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReportResult:
    """The result of one call to MoEngage."""

    verdict: ReportVerdict
    http_status: int = 0
    """0 where there was no answer."""
    error: str = ""
    """Kind of the failure where there was no answer."""
    retry_after: float | None = None
    """Seconds that MoEngage asked to wait for, where it did."""


def is_exhausted(tries: int) -> bool:
    """Return whether no retries are left for an outcome that was reported so often."""
    return tries > len(WAITS)


def seconds_before_next_try(tries: int, chance: float, retry_after: float | None = None) -> int:
    """Return how long to wait before the next report, in whole seconds.

    ``tries``, at least 1, is how often the outcome was reported. ``chance``, between 0 and 1,
    spreads the wait by a fifth to both sides. ``retry_after``, what MoEngage asked for, only
    lengthens it, to an hour at most.
    """
    planned = WAITS[min(tries, len(WAITS)) - 1]
    wait = planned * (1 + _JITTER * (2 * chance - 1))
    return round(max(wait, min(retry_after or 0, _MAX_RETRY_AFTER)))


def seconds_before_passing_on_again(age: float) -> int | None:
    """Return how long to wait before an inbound message of this age is passed on again.

    ``None`` when it is to be given up.
    """
    if age > _SECONDS_TO_PASS_ON:
        return None
    return round(min(max(age / 2, _FIRST_WAIT), _LONGEST_WAIT))


class Breaker:
    """Circuit breaker: stops reporting while MoEngage is down, so that waiting costs no retry.

    It opens after five failures in a row for half a minute, then lets one report through. While
    that fails, too, it opens for longer, up to five minutes.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._broken_until = 0.0
        self._tries_out = False
        self._break = _FIRST_BREAK

    def seconds_to_wait(self, now: float, chance: float) -> int:
        """Return how long an outcome has to wait, 0 when it may be reported.

        ``chance``, between 0 and 1, spreads what waits, so that it does not all come back at once.
        """
        left = self._broken_until - now
        if left > 0:
            return round(left + chance * self._break) + 1
        if self._failures >= _FAILURES_THAT_BREAK:
            # The one that is let through; all others wait for its result.
            self._broken_until, self._tries_out = now + _SECONDS_TO_FIND_OUT, True
        return 0

    def note(self, verdict: ReportVerdict, now: float) -> None:
        """Note the result of a report. Any answer but a temporary failure closes the circuit."""
        if verdict is not ReportVerdict.RETRY:
            self._failures, self._break, self._broken_until = 0, _FIRST_BREAK, 0.0
            return
        self._failures += 1
        # Reports that were made side by side fail together: that opens the circuit once.
        is_on = now < self._broken_until and not self._tries_out
        if self._failures >= _FAILURES_THAT_BREAK and not is_on:
            self._tries_out = False
            self._broken_until = now + self._break
            self._break = min(2 * self._break, _LONGEST_BREAK)
