"""The load's own behaviour, with functions that are not there."""

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bench.load.pool import FunctionError
from bench.load.traffic import Pools, at_rate, burst, percentile

QUEUE = "https://sqs.invalid/queue"


class StandIns:
    """What the load asks of the stand-ins: a queue, and what 8x8 took."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.taken: list[str] = []

    def clear(self, **_: bool) -> None:
        self.records.clear()

    def take(self, queue_url: str, most: int) -> list[str]:
        assert queue_url == QUEUE
        taken, self.records[:] = self.records[:most], self.records[most:]
        return taken

    def counted(self) -> dict[str, Any]:
        return {
            "waiting": {QUEUE: len(self.records)},
            "messages_taken": len(set(self.taken)),
            "messages_taken_twice": len(self.taken) - len(set(self.taken)),
        }


class Pool:
    """A function that answers at once; remembers how many events it had at the same time."""

    def __init__(self, answer: Callable[[Any], Any], size: int = 3) -> None:
        self.size = size
        self.events: list[Any] = []
        self._answer = answer

    async def invoke(self, event: Any) -> Any:
        self.events.append(event)
        await asyncio.sleep(0)
        return self._answer(event)


class Bridge:
    """The four functions, as far as the load sees them."""

    def __init__(self) -> None:
        self.standins: Any = StandIns()
        self.numbers = count(1)
        self.send_sms = Pool(self._send)
        self.dispatch_queue = Pool(self._dispatch)
        self.receive_callback = Pool(self._receive)
        self.forward_outcome = Pool(lambda _: {"batchItemFailures": []})

    @property
    def pools(self) -> Any:
        return Pools(
            send_sms=self.send_sms,  # type: ignore[arg-type]
            dispatch_queue=self.dispatch_queue,  # type: ignore[arg-type]
            receive_callback=self.receive_callback,  # type: ignore[arg-type]
            forward_outcome=self.forward_outcome,  # type: ignore[arg-type]
        )

    def _send(self, event: Any) -> Any:
        message_id = f"{next(self.numbers):08d}-0000-4000-8000-000000000000"
        destination = json.loads(event["body"])["recipient"]
        answer = {"messageId": message_id, "destination": destination}
        return {"statusCode": 200, "body": json.dumps(answer)}

    def queued(self, event: Any) -> Any:
        answer = self._send(event)
        self.standins.records.append(answer["body"])
        return answer

    def _dispatch(self, event: Any) -> Any:
        self.standins.taken += [json.loads(one["body"])["messageId"] for one in event["Records"]]
        return {"batchItemFailures": []}

    def _receive(self, event: Any) -> Any:
        payload = json.loads(event["body"])["payload"]
        if payload["status"]["state"] == "delivered":
            self.standins.records.append(json.dumps({"messageId": payload["clientMessageId"]}))
        return {"statusCode": 200, "body": "{}"}

    async def at_rate(self, messages: int) -> Any:
        return await at_rate(
            10_000,
            messages / 10_000,
            self.pools,
            self.standins,
            QUEUE,
            batch_size=5,
            numbers=count(),
        )

    async def burst(self, messages: int, most_seconds: float = 60.0) -> Any:
        return await burst(
            messages,
            most_seconds,
            self.pools,
            self.standins,
            QUEUE,
            batch_size=10,
            numbers=count(),
        )


async def test_every_message_has_two_receipts_and_one_outcome() -> None:
    bridge = Bridge()

    step = await bridge.at_rate(30)

    assert (len(step.sends), len(step.receipts), step.told) == (30, 60, 30)
    assert step.errors.total() == 0
    told = [one["body"] for event in bridge.forward_outcome.events for one in event["Records"]]
    assert len(set(told)) == 30
    assert all(len(event["Records"]) <= 5 for event in bridge.forward_outcome.events)


async def test_recipients_differ_so_that_none_is_a_repeat() -> None:
    bridge = Bridge()

    await bridge.at_rate(30)

    bodies = [json.loads(event["body"]) for event in bridge.send_sms.events]
    assert len({(body["recipient"], body["message"]) for body in bodies}) == 30


async def test_what_goes_wrong_is_counted_and_told_apart() -> None:
    bridge = Bridge()

    def fail(_: Any) -> Any:
        number = next(bridge.numbers)
        if number % 3 == 0:
            raise FunctionError("Sandbox.Timedout: ended")
        return {"statusCode": 503, "body": "{}"}

    bridge.send_sms = Pool(fail)

    step = await bridge.at_rate(9)

    assert step.errors == {"Sandbox.Timedout: ended": 3, "answered 503": 6}
    assert (step.told, step.is_kept_up_with) == (0, False)


async def test_outcomes_that_are_not_told_are_errors() -> None:
    bridge = Bridge()
    bridge.forward_outcome = Pool(
        lambda event: {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    )

    step = await bridge.at_rate(10)

    assert step.told + step.errors["outcome not told"] == 10
    assert step.errors["outcome not told"] > 0


async def test_a_burst_is_accepted_and_dispatched_once() -> None:
    bridge = Bridge()
    bridge.send_sms = Pool(bridge.queued)

    result = await bridge.burst(250)

    assert (result.accepted, result.taken, result.taken_twice) == (250, 250, 0)
    assert all(len(event["Records"]) <= 10 for event in bridge.dispatch_queue.events)


async def test_a_burst_ends_when_its_time_is_over() -> None:
    bridge = Bridge()
    bridge.send_sms = Pool(bridge.queued)

    result = await bridge.burst(10**6, most_seconds=0.0)

    assert result.accepted == result.taken == 0


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 50, 0.0), ([3.0], 99, 3.0), ([1.0, 2.0, 3.0], 50, 2.0), (list(range(101)), 99, 99.0)],
)
def test_percentiles(values: list[float], share: int, expected: float) -> None:
    assert percentile(values, share) == pytest.approx(expected)
