"""Background tasks: what a caller need not wait for goes on beside it."""

import contextvars
import subprocess
import sys
import threading

import pytest

from sms_bridge import background
from sms_bridge.observability import logger
from tests.fakes.logs import WrittenLog

TIMEOUT = 10.0


def test_the_caller_gets_the_result() -> None:
    task = background.start(lambda: "done")

    assert [task.result(TIMEOUT), task.result()] == ["done", "done"]
    assert task.done()


def test_what_a_task_raises_goes_up_each_time_it_is_asked() -> None:
    def fails() -> None:
        raise ConnectionError

    task = background.start(fails)

    for _ in range(2):
        with pytest.raises(ConnectionError):
            task.result(TIMEOUT)


def test_the_caller_need_not_wait() -> None:
    may_end = threading.Event()
    task = background.start(lambda: may_end.wait(TIMEOUT))

    with pytest.raises(TimeoutError):
        task.result(0)
    assert not task.done()

    may_end.set()
    assert task.result(TIMEOUT)


def test_tasks_that_hang_keep_no_other_from_being_done() -> None:
    may_end = threading.Event()
    hanging = [background.start(lambda: may_end.wait(TIMEOUT)) for _ in range(50)]

    assert background.start(lambda: "done").result(TIMEOUT) == "done"
    assert not any(task.done() for task in hanging)

    may_end.set()
    assert all(task.result(TIMEOUT) for task in hanging)


def test_a_task_that_hangs_does_not_keep_the_process_alive() -> None:
    hangs = (
        "import threading; from sms_bridge import background; "
        "background.start(threading.Event().wait)"
    )

    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", hangs], env={"PYTHONPATH": "layers"}, check=True, timeout=60
    )


def test_a_task_has_its_callers_context() -> None:
    name = contextvars.ContextVar("name", default="nobody's")
    name.set("the caller's")

    assert background.start(name.get).result(TIMEOUT) == "the caller's"


def test_a_line_behind_an_answer_keeps_the_ids_of_its_own_request(logged: WrittenLog) -> None:
    next_request_came = threading.Event()

    def goes_on() -> None:
        next_request_came.wait(TIMEOUT)
        logger.info("result recorded")

    logger.thread_safe_append_keys(request_id="first")
    task = background.start(goes_on)
    logger.thread_safe_append_keys(request_id="second")
    next_request_came.set()
    task.result(TIMEOUT)
    logger.info("request refused")

    assert [line["request_id"] for line in logged.lines] == ["first", "second"]
