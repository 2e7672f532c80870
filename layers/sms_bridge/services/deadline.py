"""An answer in time, whatever the work behind it waits for."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sms_bridge import background
from sms_bridge.errors import BridgeError
from sms_bridge.observability import Metric, log_failure, logger, metric_fields

# MoEngage gives up after 5 seconds; the bridge promises 4. The rest is API Gateway's.
ANSWER_SECONDS = 3.6

# An answer that took longer is counted: the promise is nearly broken.
LATE_SECONDS = 3.5

# When a cold start has used up the time, the answer comes late in any case and this is how long
# the work may take. MoEngage may repeat the message; the claim catches that.
LATE_ANSWER_SECONDS = 2.0

# An event that is older was replayed, or comes from another clock.
_MAX_BELIEVABLE_WAIT = 29.0


class OutOfTimeError(BridgeError):
    """The time was over before an answer was promised; this request sends nothing."""


class AnswerTime[Answer]:
    """Runs work that has to answer in time.

    Timeouts of single calls cannot promise that (``docs/architecture.md``). So it runs in a thread
    of its own, and goes on behind the last answer that it promised when the time is over.
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

        ``OutOfTimeError`` where it is over already and no promise was made: the answer was that
        nothing is sent, so nothing may be sent.
        """
        with self._lock:
            if self._is_over:
                raise OutOfTimeError
            self._promised = answer

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what the work returns, or what it promised when the time is over.

        What the work raises is raised, unless it had promised an answer: then that is given.
        ``OutOfTimeError`` where the time is over and nothing was promised.
        """
        task = background.start(work)
        with suppress(Exception):
            return task.result(self.left())
        with self._lock:
            is_done = task.done()
            failure = task.exception() if is_done else OutOfTimeError()
            if failure is None:
                return task.result()
            self._is_over = True
            if self._promised is None:
                raise failure
            if is_done:
                # What was promised may have happened: a refusal could be untrue.
                log_failure("request failed after an answer was promised", failure)
            return self._promised


def answer_in_time[Answer](
    work: Callable[[AnswerTime[Answer]], Answer],
    arrived_at: float,
    clock: Callable[[], float] = time.time,
) -> Answer:
    """Return what ``AnswerTime.run`` does for a request that API Gateway got then (0: unknown).

    An answer that comes late is counted.
    """
    now = clock()
    if not 0 <= now - arrived_at <= _MAX_BELIEVABLE_WAIT:
        arrived_at = now
    left = arrived_at + ANSWER_SECONDS - now
    answer_time = AnswerTime[Answer](left if left > 0 else LATE_ANSWER_SECONDS)
    try:
        return answer_time.run(lambda: work(answer_time))
    finally:
        seconds = clock() - arrived_at
        if seconds >= LATE_SECONDS:
            logger.warning(
                "answer late", seconds=round(seconds, 3), **metric_fields({Metric.LATE_ANSWERS: 1})
            )
