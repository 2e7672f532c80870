"""An answer in time, whatever the work behind it waits for."""

import threading
import time
from collections.abc import Callable

from sms_bridge.side_work import begin

# MoEngage gives up after 5 seconds; the bridge promises 4. The rest is API Gateway's.
ANSWER_SECONDS = 3.6

# When a cold start has used up the time, the answer comes late in any case and this is how long
# the work may take. MoEngage may repeat the message; the claim catches that.
LATE_ANSWER_SECONDS = 2.0

_MIN_USEFUL_SECONDS = 0.2

# An event that is older was replayed, or comes from another clock.
_MAX_BELIEVABLE_WAIT = 29.0


class OutOfTimeError(Exception):
    """The time was over before anything was promised; nothing was sent."""


def seconds_to_answer(arrived_at: float, now: float) -> float:
    """Return how much time is left for a request.

    Parameters
    ----------
    arrived_at
        When API Gateway got it, seconds since the epoch; 0 if that is not known.
    now
        Seconds since the epoch.
    """
    waited = now - arrived_at
    if not 0 <= waited <= _MAX_BELIEVABLE_WAIT:
        return ANSWER_SECONDS
    left = ANSWER_SECONDS - waited
    return left if left >= _MIN_USEFUL_SECONDS else LATE_ANSWER_SECONDS


class AnswerTime[Answer]:
    """Runs work that has to answer in time.

    Timeouts of single calls cannot promise that: name resolution has none, and a server that
    sends a byte a second never meets one. So the work runs in a thread of its own, and when the
    time is over the last answer that it promised is given. The work then goes on behind it.

    Parameters
    ----------
    seconds
        From now until the answer must be there.
    clock
        Seconds; any origin.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + seconds
        self._lock = threading.Lock()
        self._promised: Answer | None = None
        self._is_over = False

    def left(self) -> float:
        """Return the seconds that are left, at least 0."""
        return max(0.0, self._ends_at - self._clock())

    def promise(self, answer: Answer) -> None:
        """Name the answer to give from now on, should the time be over first.

        Raises
        ------
        OutOfTimeError
            When it is over already and no promise was made: the caller was told that nothing was
            sent, so nothing may be sent.
        """
        with self._lock:
            if self._is_over:
                raise OutOfTimeError
            self._promised = answer

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what the work returns, or what it promised when the time is over.

        Raises
        ------
        OutOfTimeError
            When the time is over and nothing was promised.
        """
        begun = begin(work)
        try:
            return begun.result(timeout=self.left())
        except TimeoutError:
            with self._lock:
                if begun.done():
                    return begun.result()
                self._is_over = True
                if self._promised is None:
                    raise OutOfTimeError from None
                return self._promised
