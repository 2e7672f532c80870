"""The small SQS of the simulation does what SQS does."""

from random import Random
from typing import Any

import pytest

from tests.chaos.aws import Content, RefusedError
from tests.chaos.sqs import Queue, Sqs
from tests.fakes.clock import TurnableClock


class Setting:
    """A queue with a dead-letter queue, and a clock."""

    def __init__(self) -> None:
        self.clock = TurnableClock()
        self.dead_letters = self._queue("dead", None)
        self.queue = self._queue("queue", self.dead_letters)
        self.sqs = Sqs([self.queue])

    def _queue(self, name: str, dead_letters: Queue | None) -> Queue:
        return Queue(
            name,
            self.clock,
            Random(1),  # noqa: S311
            visibility=30,
            retention=3600,
            dead_letters=dead_letters,
            max_received=2,
        )

    def ask(self, operation: str, **content: Any) -> Content:
        request: Any = None
        return self.sqs(operation, {"QueueUrl": self.queue.url, **content}, request)

    def bodies(self) -> list[str]:
        return sorted(record.body for record in self.queue.receive(10))


def test_what_is_received_is_hidden_until_its_time_is_over_and_counted() -> None:
    setting = Setting()
    setting.ask("SendMessage", MessageBody="a")

    (first,) = setting.queue.receive(10)
    assert setting.bodies() == []
    setting.clock.sleep(30)
    (second,) = setting.queue.receive(10)

    assert (first.record_id, second.received) == (second.record_id, 2)


def test_only_the_last_handle_is_good() -> None:
    setting = Setting()
    setting.queue.send("a")
    old = setting.queue.receive(1)[0].handle
    setting.clock.sleep(30)
    new = setting.queue.receive(1)[0].handle

    with pytest.raises(RefusedError, match="MessageNotInflight"):
        setting.queue.show_again(old, 0)
    setting.queue.delete(old)
    assert setting.queue.records
    setting.queue.delete(new)
    assert not setting.queue.records


def test_what_is_received_too_often_goes_to_the_dead_letter_queue() -> None:
    setting = Setting()
    setting.queue.send("a")
    for _ in range(2):
        assert setting.bodies() == ["a"]
        setting.clock.sleep(30)

    assert setting.bodies() == []
    assert [record.body for record in setting.dead_letters.receive(10)] == ["a"]


def test_a_record_is_dropped_when_its_retention_is_over() -> None:
    setting = Setting()
    setting.queue.send("a")
    setting.clock.sleep(3601)

    assert setting.bodies() == []
