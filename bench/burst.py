"""A burst through the send queue: how it waits, is paced, meets 429s, and drains.

`python -m bench.burst --help` lists what can be changed. Time is simulated; the pace and the waits
between tries are the bridge's own rules. SQS is taken to hand over the oldest first.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from statistics import quantiles
from typing import Any

from sms_bridge.domain.retry_policy import RetryPolicy, seconds_for
from sms_bridge.domain.send_result import SendResult, Verdict

# SQS hands over nothing more while so many records of a queue are being worked on or postponed.
MOST_IN_FLIGHT = 120_000


def _option(default: float, what: str) -> Any:
    return field(default=default, metadata={"what": what})


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What happens, and how the bridge is set; each is an option of the command line."""

    messages: int = _option(60_000, "messages that arrive")
    arrival_rate: float = _option(1000.0, "messages a second that arrive")
    send_rate: float = _option(1500.0, "SendRateLimit: messages a second to 8x8; 0 for no limit")
    dispatchers: int = _option(10, "DispatchConcurrency: functions at once for this queue")
    batch_size: int = _option(100, "DispatchBatchSize")
    seconds_a_batch: float = _option(0.2, "what a function needs for a batch")
    seconds_a_message: float = _option(0.01, "and beside that for each message in it")
    take_rate: float = _option(25_000.0, "messages a second that 8x8 takes; a batch beyond: 429")
    throttled_from: float = _option(0.0, "seconds from the beginning until 8x8 throttles all")
    throttled_for: float = _option(0.0, "seconds for which it does so")
    retry_after: float = _option(1.0, "seconds that a 429 asks to wait")
    seconds_to_live: float = _option(14_400.0, "PromotionalSecondsToLive; older ones expire")
    seed: int = _option(1, "of the jitter")

    def __post_init__(self) -> None:
        """Refuse what would never end.

        Raises
        ------
        ValueError
            Says what is wrong.
        """
        negative = [one.name for one in fields(self) if getattr(self, one.name) < 0]
        if negative:
            raise ValueError(f"less than nothing: {', '.join(negative)}")
        if min(self.messages, self.dispatchers, self.batch_size) < 1 or self.arrival_rate <= 0:
            raise ValueError("nothing arrives, or nobody sends it")
        if self.take_rate < self.batch_size:
            raise ValueError("8x8 has to take a whole batch in a second, or none is ever sent")
        if self.seconds_a_batch + self.seconds_a_message <= 0:
            raise ValueError("no function works in no time")


@dataclass
class Course:
    """How it went.

    Attributes
    ----------
    sent
        When each message was sent, and how long after its arrival; in order.
    expired
        Messages that were not sent any more.
    refused_batches
        Batches that 8x8 answered with 429.
    deepest
        The most messages that waited at once.
    ends_at
        When nothing was left.
    """

    sent: list[tuple[float, float]] = field(default_factory=list)
    expired: int = 0
    refused_batches: int = 0
    deepest: int = 0
    ends_at: float = 0.0


class _EightX8:
    """Takes batches while it has room for them in a second."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._room = burst.take_rate
        self._at = 0.0

    def takes(self, messages: int, now: float) -> bool:
        burst = self._burst
        if burst.throttled_from <= now < burst.throttled_from + burst.throttled_for:
            return False
        self._room = min(burst.take_rate, self._room + (now - self._at) * burst.take_rate)
        self._at = now
        if messages > self._room:
            return False
        self._room -= messages
        return True


def run(burst: Burst) -> Course:
    """Simulate a burst to its end."""
    chance = random.Random(burst.seed)  # noqa: S311 - jitter
    policy, eightx8, course = RetryPolicy(), _EightX8(burst), Course()
    throttled = SendResult(verdict=Verdict.THROTTLED, retry_after=burst.retry_after)
    arrived = 0
    shown: deque[tuple[float, int]] = deque()
    postponed: list[tuple[float, float, int]] = []
    free = [0.0] * burst.dispatchers

    def next_arrival() -> float:
        return arrived / burst.arrival_rate if arrived < burst.messages else float("inf")

    while free:
        now = heapq.heappop(free)
        while next_arrival() <= now:
            shown.append((next_arrival(), 1))
            arrived += 1
        while postponed and postponed[0][0] <= now:
            _, came, tries = heapq.heappop(postponed)
            shown.append((came, tries))
        course.deepest = max(course.deepest, len(shown) + len(postponed))
        if not shown or len(postponed) >= MOST_IN_FLIGHT:
            wakes = min(next_arrival(), postponed[0][0] if postponed else float("inf"))
            if wakes < float("inf"):
                heapq.heappush(free, wakes)
            continue
        taken = [shown.popleft() for _ in range(min(burst.batch_size, len(shown)))]
        batch = [one for one in taken if now - one[0] < burst.seconds_to_live]
        course.expired += len(taken) - len(batch)
        if batch and eightx8.takes(len(batch), now):
            course.sent += [(now, now - came) for came, _ in batch]
        elif batch:
            course.refused_batches += 1
            for came, tries in batch:
                wait = policy.wait_in_queue(throttled, tries=tries, chance=chance.random())
                heapq.heappush(postponed, (now + wait, came, tries + 1))
        work = burst.seconds_a_batch + burst.seconds_a_message * len(batch)
        # DispatchQueue counts both queues' functions when it keeps the pace.
        pace = seconds_for(len(batch), rate=burst.send_rate, at_once=2 * burst.dispatchers)
        course.ends_at = max(course.ends_at, now + work)
        heapq.heappush(free, now + max(work, pace))
    return course


def table_of(burst: Burst, course: Course, *, rows: int = 12) -> str:
    """Return the course as a Markdown table, with what became of all messages below."""
    step = max(course.ends_at / rows, 1e-9)
    lines = ["| after | arrived | sent | waiting or expired |", "|---:|---:|---:|---:|"]
    position = 0
    for row in range(1, rows + 1):
        until = step * row
        while position < len(course.sent) and course.sent[position][0] <= until:
            position += 1
        arrived = min(burst.messages, int(until * burst.arrival_rate) + 1)
        lines.append(f"| {until:,.0f} s | {arrived:,} | {position:,} | {arrived - position:,} |")
    return "\n".join([*lines, "", in_words(burst, course)])


def in_words(burst: Burst, course: Course) -> str:
    """Sum the course up in a sentence or two."""
    arrives = burst.messages / burst.arrival_rate
    drained = max(0.0, course.ends_at - arrives)
    text = (
        f"{burst.messages:,} messages came in {arrives:,.0f} s; {len(course.sent):,} were sent, "
        f"{course.expired:,} expired. The queue was empty {drained:,.0f} s after the last one "
        f"came; at most {course.deepest:,} waited. 8x8 answered 429 to "
        f"{course.refused_batches:,} batches."
    )
    if len(course.sent) > 1:
        delays = quantiles((delay for _, delay in course.sent), n=100)
        text += f" Half were sent within {delays[49]:,.1f} s, 99 % within {delays[98]:,.1f} s."
    return text


def read_arguments(arguments: Sequence[str] | None = None) -> Burst:
    """Read a burst from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.burst",
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for one in fields(Burst):
        parser.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=type(one.default),
            default=one.default,
            help=one.metadata["what"],
            metavar="N",
        )
    try:
        return Burst(**vars(parser.parse_args(arguments)))
    except ValueError as error:
        parser.error(str(error))


def main() -> None:
    """Simulate what the command line says, and show it."""
    burst = read_arguments()
    print(table_of(burst, run(burst)))


if __name__ == "__main__":
    main()
