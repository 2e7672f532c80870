"""Work that goes on beside its caller."""

import threading

import pytest

from sms_bridge.side_work import begin

PATIENCE = 10.0


def test_the_caller_gets_its_result() -> None:
    begun = begin(lambda: "done")

    assert [begun.result(PATIENCE), begun.result()] == ["done", "done"]
    assert begun.done()


def test_what_it_raises_goes_up_each_time_it_is_asked() -> None:
    def fails() -> None:
        raise ConnectionError

    begun = begin(fails)

    for _ in range(2):
        with pytest.raises(ConnectionError):
            begun.result(PATIENCE)
    assert begun.done()


def test_the_caller_need_not_wait_for_it() -> None:
    may_end = threading.Event()
    begun = begin(lambda: may_end.wait(PATIENCE))

    with pytest.raises(TimeoutError):
        begun.result(0)
    assert not begun.done()

    may_end.set()
    assert begun.result(PATIENCE)


def test_a_thread_that_is_done_takes_the_next_piece_of_work() -> None:
    begin(threading.get_ident).result(PATIENCE)
    before = threading.active_count()

    threads = {begin(threading.get_ident).result(PATIENCE) for _ in range(20)}

    assert threading.active_count() <= before
    assert threading.get_ident() not in threads


def test_work_that_hangs_keeps_no_other_from_being_done() -> None:
    may_end = threading.Event()
    hanging = [begin(lambda: may_end.wait(PATIENCE)) for _ in range(20)]

    assert begin(lambda: "done").result(PATIENCE) == "done"
    assert not any(one.done() for one in hanging)

    may_end.set()
    assert all(one.result(PATIENCE) for one in hanging)
