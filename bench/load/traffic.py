"""Messages at a rate, with their receipts and outcomes; and a burst through the send queue."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched, count
from statistics import quantiles
from typing import Any

from bench.events import receipt_events, send_events, sqs_events
from bench.load.pool import FunctionError, Pool
from bench.standins.running import StandIns

_SECONDS_BETWEEN_LOOKS = 0.02


@dataclass(frozen=True)
class Pools:
    """The functions on a message's way."""

    send_sms: Pool
    dispatch_queue: Pool
    receive_callback: Pool
    forward_outcome: Pool


@dataclass
class Step:
    """What came of one rate.

    Attributes
    ----------
    offered, reached
        Messages a second, with everything that follows from one.
    sends, receipts
        Seconds from when the request was due to its answer.
    errors
        By what went wrong.
    told
        Outcomes that MoEngage heard.
    """

    offered: float
    reached: float = 0.0
    messages: int = 0
    sends: list[float] = field(default_factory=list)
    receipts: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    told: int = 0

    @property
    def is_kept_up_with(self) -> bool:
        """Tell whether the machine did what was asked of it."""
        return self.reached >= 0.9 * self.offered


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that so many in a hundred do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[share - 1]


async def at_rate(
    rate: float,
    seconds: float,
    pools: Pools,
    standins: StandIns,
    outcome_queue: str,
    *,
    batch_size: int,
    numbers: count[int],
) -> Step:
    """Offer messages at a rate, whether they are answered or not.

    Each is followed by its two receipts and by its outcome. A request's time runs from when it was
    due: one that has to wait for a free environment waits.
    """
    step = Step(offered=rate, messages=max(1, round(rate * seconds)))
    standins.clear(table=True)
    began = time.monotonic() + 0.1
    events = [send_events(1, "promotional", first=next(numbers))[0] for _ in range(step.messages)]
    sending = [
        asyncio.create_task(_message(event, began + number / rate, pools, step))
        for number, event in enumerate(events)
    ]
    sent = asyncio.create_task(_all(sending))
    await _tell(step, sent, pools, standins, outcome_queue, batch_size)
    await sent
    lasted = time.monotonic() - began
    step.reached = step.told / max(lasted, seconds)
    return step


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def _message(event: dict[str, Any], due: float, pools: Pools, step: Step) -> None:
    answer = await _timed(event, due, pools.send_sms, step.sends, step.errors)
    if answer is None:
        return
    for state in ("sent", "delivered"):
        (receipt,) = receipt_events([answer], state)
        due = time.monotonic()
        await _timed(receipt, due, pools.receive_callback, step.receipts, step.errors)


async def _timed(
    event: dict[str, Any], due: float, pool: Pool, times: list[float], errors: Counter[str]
) -> dict[str, Any] | None:
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    try:
        answer: dict[str, Any] = await pool.invoke(event)
    except FunctionError as error:
        errors[str(error)] += 1
        return None
    times.append(time.monotonic() - due)
    if answer.get("statusCode") != 200:
        errors[f"answered {answer.get('statusCode')}"] += 1
        return None
    return answer


async def _tell(
    step: Step,
    sent: asyncio.Task[None],
    pools: Pools,
    standins: StandIns,
    queue_url: str,
    batch_size: int,
) -> None:
    """Hand over what is in the outcome queue, as Lambda does, until all is sent and told."""

    async def tell(event: dict[str, Any]) -> None:
        try:
            answer = await pools.forward_outcome.invoke(event)
        except FunctionError as error:
            step.errors[str(error)] += 1
            return
        again = len(answer["batchItemFailures"])
        step.told += len(event["Records"]) - again
        if again:
            step.errors["outcome not told"] += again

    await _drain(
        queue_url,
        "forward_outcome/outcome",
        batch_size,
        standins,
        sent,
        tell,
        pools.forward_outcome,
    )


async def _drain(
    queue_url: str,
    sample: str,
    batch_size: int,
    standins: StandIns,
    filled: asyncio.Task[None],
    work: Callable[[dict[str, Any]], Awaitable[None]],
    pool: Pool,
) -> None:
    """Hand over a queue's records in batches while it is filled, and until it is empty."""
    at_work: set[asyncio.Task[None]] = set()
    while True:
        was_filled = filled.done()
        room = (pool.size - len(at_work)) * batch_size
        bodies = await asyncio.to_thread(standins.take, queue_url, room) if room > 0 else []
        for some in batched(bodies, batch_size):
            (event,) = sqs_events(list(some), sample, batch_size=batch_size)
            task = asyncio.ensure_future(work(event))
            at_work.add(task)
            task.add_done_callback(at_work.discard)
        if was_filled and not bodies and not at_work:
            return
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


# ------------------------------------------------------------------------------------------ burst
@dataclass
class BurstResult:
    """What came of a burst.

    Attributes
    ----------
    offered
        How many messages there should have been; fewer if time was over before.
    accepted, taken, taken_twice
        Requests that were answered 200; messages that 8x8 took; and more than once.
    seconds_to_accept, seconds_to_drain
        From the beginning to the last answer, and to the empty queue.
    """

    offered: int
    accepted: int = 0
    taken: int = 0
    taken_twice: int = 0
    seconds_to_accept: float = 0.0
    seconds_to_drain: float = 0.0
    deepest: int = 0
    answers: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def burst(
    messages: int,
    most_seconds: float,
    pools: Pools,
    standins: StandIns,
    send_queue: str,
    *,
    batch_size: int,
    numbers: count[int],
) -> BurstResult:
    """Send messages in queued mode as fast as the pool takes them, and have them dispatched."""
    result = BurstResult(offered=messages)
    standins.clear(table=True)
    began = time.monotonic()
    left = count()

    async def send() -> None:
        while next(left) < messages and time.monotonic() - began < most_seconds:
            (event,) = send_events(1, "promotional", first=next(numbers))
            due = time.monotonic()
            if await _timed(event, due, pools.send_sms, result.answers, result.errors):
                result.accepted += 1

    async def dispatch(event: dict[str, Any]) -> None:
        try:
            answer = await pools.dispatch_queue.invoke(event)
        except FunctionError as error:
            result.errors[str(error)] += 1
            return
        if answer["batchItemFailures"]:
            result.errors["message left in the queue"] += len(answer["batchItemFailures"])

    async def accept() -> None:
        await asyncio.gather(*(send() for _ in range(pools.send_sms.size)))
        result.seconds_to_accept = time.monotonic() - began

    accepting = asyncio.create_task(accept())

    async def watch() -> None:
        while True:
            counted = await asyncio.to_thread(standins.counted)
            result.deepest = max(result.deepest, counted["waiting"].get(send_queue, 0))
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    await _drain(
        send_queue,
        "dispatch_queue/one",
        batch_size,
        standins,
        accepting,
        dispatch,
        pools.dispatch_queue,
    )
    await accepting
    watching.cancel()
    result.seconds_to_drain = time.monotonic() - began
    counted = standins.counted()
    result.taken = counted["messages_taken"]
    result.taken_twice = counted["messages_taken_twice"]
    return result


def in_short(error: str) -> str:
    """Return an error's first line."""
    return json.dumps(error.partition("\n")[0])[1:-1]
