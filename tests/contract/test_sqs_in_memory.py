"""What SQS does as time goes by, for which moto would have to be waited for."""

import pytest
from botocore.exceptions import ClientError

from tests.fakes.clock import TurnableClock
from tests.fakes.sqs import Queue


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def queue(clock: TurnableClock) -> Queue:
    dead_letters = Queue("dead", clock)
    queue = Queue("queue", clock, 30, 3600, dead_letters, max_received=2)
    queue.send("a")
    return queue


def test_what_is_received_is_hidden_until_its_time_is_over_and_counted(
    clock: TurnableClock, queue: Queue
) -> None:
    (first,) = queue.receive(10)
    assert queue.receive(10) == []
    clock.sleep(30)

    assert queue.receive(10) == [first]
    assert first.received == 2


def test_only_the_last_handle_is_good(clock: TurnableClock, queue: Queue) -> None:
    old = queue.receive(1)[0].handle
    clock.sleep(30)
    new = queue.receive(1)[0].handle

    with pytest.raises(ClientError, match="MessageNotInflight"):
        queue.show_again(old, 0)
    queue.delete(old)
    assert queue.records
    queue.delete(new)
    assert not queue.records


def test_what_is_received_too_often_goes_to_the_dead_letter_queue(
    clock: TurnableClock, queue: Queue
) -> None:
    for _ in range(2):
        assert queue.receive(10)
        clock.sleep(30)

    assert queue.receive(10) == []
    assert queue.dead_letters
    assert [record.body for record in queue.dead_letters.receive(10)] == ["a"]


def test_a_record_is_dropped_when_its_retention_is_over(clock: TurnableClock, queue: Queue) -> None:
    clock.sleep(3601)

    assert queue.receive(10) == []
    assert not queue.records
