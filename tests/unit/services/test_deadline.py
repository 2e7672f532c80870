"""An answer in time, whatever the work behind it waits for."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from sms_bridge import background
from sms_bridge.services.deadline import (
    ANSWER_SECONDS,
    LATE_ANSWER_SECONDS,
    AnswerTime,
    OutOfTimeError,
    answer_in_time,
)
from tests.fakes.clock import TurnableClock
from tests.fakes.logs import WrittenLog

TIMEOUT = 10.0


def time_that_ends_when(event: threading.Event) -> Callable[[], float]:
    """Return a clock that stands still at its first look and is far ahead once this happened."""
    first = [0.0]

    def clock() -> float:
        if first:
            return first.pop()
        assert event.wait(TIMEOUT)
        return 1_000.0

    return clock


@pytest.mark.parametrize(
    ("waited", "seconds"),
    [
        (0, ANSWER_SECONDS),
        (1, ANSWER_SECONDS - 1),
        (3.3, ANSWER_SECONDS - 3.3),
        (3.5, ANSWER_SECONDS - 3.5),
        (3.7, LATE_ANSWER_SECONDS),
        (10, LATE_ANSWER_SECONDS),
        (29, LATE_ANSWER_SECONDS),
        (29.5, ANSWER_SECONDS),
        (86_400, ANSWER_SECONDS),
        (-0.5, ANSWER_SECONDS),
    ],
)
def test_the_time_of_a_cold_start_is_taken_off(
    waited: float, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = TurnableClock()
    monkeypatch.setattr(AnswerTime.__init__, "__defaults__", (clock,))

    left = answer_in_time(AnswerTime[float].left, clock.now - waited, clock)

    assert left == pytest.approx(seconds)


def test_time_runs_and_does_not_go_below_zero() -> None:
    clock = TurnableClock()
    answer_time = AnswerTime[str](3.0, clock)

    left = [answer_time.left()]
    for _ in range(2):
        clock.sleep(2)
        left.append(answer_time.left())

    assert left == [3.0, 1.0, 0.0]


def test_work_that_is_done_in_time_gives_its_own_answer() -> None:
    answer_time = AnswerTime[str](TIMEOUT)

    def work() -> str:
        answer_time.promise("promised")
        return "done"

    assert answer_time.run(work) == "done"


def test_what_the_work_raises_goes_up() -> None:
    def work() -> str:
        raise KeyError

    with pytest.raises(KeyError):
        AnswerTime[str](TIMEOUT).run(work)


def test_work_that_hangs_gives_the_last_answer_that_it_promised() -> None:
    has_promised, may_end, is_done = (threading.Event() for _ in range(3))
    answer_time = AnswerTime[str](3.0, time_that_ends_when(has_promised))

    def work() -> str:
        answer_time.promise("first")
        answer_time.promise("last")
        has_promised.set()
        may_end.wait(TIMEOUT)
        is_done.set()
        return "too late"

    assert answer_time.run(work) == "last"
    may_end.set()
    assert is_done.wait(TIMEOUT)


def test_work_that_is_done_in_the_last_moment_gives_its_own_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class DoneMeanwhile(Future[str]):
        def result(self, timeout: float | None = None) -> str:
            if timeout is not None:
                raise TimeoutError
            return super().result()

    task = DoneMeanwhile()
    task.set_result("its own")
    monkeypatch.setattr(background, "start", lambda _: task)

    assert AnswerTime[str](3.0).run(lambda: "its own") == "its own"


def test_when_the_time_ends_before_a_promise_the_work_may_not_go_on() -> None:
    has_begun, is_over, is_done = (threading.Event() for _ in range(3))
    answer_time = AnswerTime[str](3.0, time_that_ends_when(has_begun))
    sent = []

    def work() -> str:
        has_begun.set()
        is_over.wait(TIMEOUT)
        try:
            answer_time.promise("promised")
            sent.append("message")
        finally:
            is_done.set()
        return "sent"

    with pytest.raises(OutOfTimeError):
        answer_time.run(work)
    is_over.set()

    assert is_done.wait(TIMEOUT)
    assert sent == []


def test_promise_8_what_fails_after_a_promise_gives_the_answer_that_was_promised(
    logged: WrittenLog,
) -> None:
    """A refusal would say that nothing was sent, and it may have been."""
    answer_time = AnswerTime[str](TIMEOUT)

    def work() -> str:
        answer_time.promise("promised")
        raise KeyError

    assert answer_time.run(work) == "promised"
    assert "KeyError" in logged.text


@pytest.mark.parametrize(("waited", "late"), [(3.4, 0), (3.5, 1), (28.0, 1), (30.0, 0)])
def test_late_answers_are_counted(waited: float, late: int, logged: WrittenLog) -> None:
    clock = TurnableClock()

    assert answer_in_time(lambda _: "answer", clock.now - waited, clock) == "answer"

    assert [line["LateAnswers"] for line in logged.lines] == [1] * late


def test_an_answer_that_is_refused_late_is_counted_too(logged: WrittenLog) -> None:
    clock = TurnableClock()

    def refuse(_: AnswerTime[str]) -> str:
        clock.sleep(3.5)
        raise KeyError

    with pytest.raises(KeyError):
        answer_in_time(refuse, clock.now, clock)

    assert [line["LateAnswers"] for line in logged.lines] == [1]
