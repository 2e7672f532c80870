"""What MoEngage is told, and when."""

from enum import StrEnum

from sms_bridge.domain.message import Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.state import FINAL, State
from sms_bridge.values import value

# MoEngage gives up on an answer after 5 seconds. Until then it may not have read the message's
# id, and a report about an id it does not know would be lost.
SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID = 6

# A repeated receipt whose outcome is still open may mean that queueing it failed the first time.
# By then the first try is over, so that MoEngage is not called twice at once.
SECONDS_BEFORE_QUEUEING_AGAIN = 60

# For so long an outcome is nobody else's to tell: a function's time, and what clocks may differ.
SECONDS_TO_REPORT = 40

# Whoever makes an outcome due queues one record for it. The first time that this record is received
# it may be told at once, for so long; until it is told or not, nobody else may.
_SECONDS_FOR_THE_FIRST = 50
SECONDS_HELD_FOR_THE_FIRST = _SECONDS_FOR_THE_FIRST + SECONDS_TO_REPORT + 10


def outcome_of_receipt(receipt: Receipt) -> Outcome | None:
    """Return the outcome that a receipt brings, ``None`` while it is not final."""
    if receipt.state not in FINAL:
        return None
    if receipt.state in (State.DELIVERED, State.READ):
        return Outcome(OutcomeStatus.DELIVERED)
    code = receipt.error_code
    return Outcome(
        OutcomeStatus.FAILED,
        f"eightx8_{receipt.state}_{code}" if code else f"eightx8_{receipt.state}",
        receipt.error_message or receipt.detail.replace("_", " "),
    )


def seconds_before_reporting(accepted_at: float, now: float) -> int:
    """Return for how long to hold an outcome back, in whole seconds.

    Parameters
    ----------
    accepted_at, now
        Seconds since the epoch.
    """
    wait = accepted_at + SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID - now
    return max(0, min(SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID, round(wait)))


def is_first_to_report(due_at: float, held_until: float, received: int, now: float) -> bool:
    """Tell whether an outcome is held for whoever asks, since the moment that it was due.

    It is held for one record, which is queued once at most. What SQS delivers a second time says
    so (or, hardly ever, does not: then MoEngage hears the outcome twice).

    Parameters
    ----------
    due_at, held_until, now
        Seconds since the epoch.
    received
        How often the record that it is held for was received; 0 if another one asks.
    """
    still_held = abs(held_until - due_at - SECONDS_HELD_FOR_THE_FIRST) < 1
    return received == 1 and still_held and now < due_at + _SECONDS_FOR_THE_FIRST


# Seconds between the tries: quick while it may be a hiccup, then for hours, about nine in all.
WAITS = (5, 30, 120, 300, 900, 1800, 3600, 5400, 7200, 7200, 7200)

_MAX_RETRY_AFTER = 3600
_JITTER = 0.2

# A wish is told again after half the time that it has been waiting for, for a day.
_FIRST_SYNC_WAIT = 60
_LONGEST_SYNC_WAIT = 7200
_SECONDS_FOR_A_SYNC = 86_400

_FAILURES_THAT_BREAK = 5
_FIRST_BREAK = 30.0
# As long as telling may take.
_SECONDS_TO_FIND_OUT = 6.0
_LONGEST_BREAK = 300.0


class ReportVerdict(StrEnum):
    """What came of telling MoEngage."""

    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"
    """MoEngage will not take it, now or later."""


@value(kw_only=True)
class ReportResult:
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

    verdict: ReportVerdict
    http_status: int = 0
    error: str = ""
    retry_after: float | None = None


def report_verdict_of(http_status: int) -> ReportVerdict:
    """Judge MoEngage's answer. It documents no codes but 413, so this is HTTP's own sense."""
    if 200 <= http_status < 300:
        return ReportVerdict.ACKNOWLEDGED
    if 400 <= http_status < 500 and http_status not in (408, 429):
        return ReportVerdict.REFUSED
    return ReportVerdict.RETRY


def is_exhausted(tries: int) -> bool:
    """Tell whether an outcome was told in vain for the last time.

    Parameters
    ----------
    tries
        How often it was told.
    """
    return tries > len(WAITS)


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


def seconds_before_next_opt_out_sync(age: float) -> int | None:
    """Return how long to wait before a person's wish is passed on again.

    Parameters
    ----------
    age
        Seconds since the person uttered it.

    Returns
    -------
    int or None
        ``None`` when it is to be given up.
    """
    if age > _SECONDS_FOR_A_SYNC:
        return None
    return round(min(max(age / 2, _FIRST_SYNC_WAIT), _LONGEST_SYNC_WAIT))


class Breaker:
    """Keeps outcomes from being told while MoEngage hears none, so that none uses up its tries.

    After five failures in a row it breaks for half a minute, then lets one through; while those
    fail, too, the breaks get longer, up to five minutes.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._broken_until = 0.0
        self._tries_out = False
        self._break = _FIRST_BREAK

    def seconds_to_wait(self, now: float, chance: float) -> int:
        """Return how long an outcome has to wait, 0 when it may be told.

        Parameters
        ----------
        now
            Seconds since the epoch.
        chance
            Between 0 and 1: spreads what waits, so that it does not all come back at once.
        """
        left = self._broken_until - now
        if left > 0:
            return round(left + chance * self._break) + 1
        if self._failures >= _FAILURES_THAT_BREAK:
            # The one that is let through; all others wait for what it finds.
            self._broken_until, self._tries_out = now + _SECONDS_TO_FIND_OUT, True
        return 0

    def note(self, verdict: ReportVerdict, now: float) -> None:
        """Note what came of telling. An answer of any kind shows that MoEngage is there."""
        if verdict is not ReportVerdict.RETRY:
            self._failures, self._break, self._broken_until = 0, _FIRST_BREAK, 0.0
            return
        self._failures += 1
        # Those that were told side by side fail together: that is one break.
        is_on = now < self._broken_until and not self._tries_out
        if self._failures >= _FAILURES_THAT_BREAK and not is_on:
            self._tries_out = False
            self._broken_until = now + self._break
            self._break = min(2 * self._break, _LONGEST_BREAK)
