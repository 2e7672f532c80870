"""A start prepares what it can, and nothing that fails or hangs can break it."""

import gc
import threading
from collections.abc import Iterator

import pytest

from sms_bridge import startup as loading
from sms_bridge.startup import finish_loading


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_all_is_prepared_before_the_first_event() -> None:
    done: list[str] = []

    finish_loading(lambda: done.append("secret"), lambda: done.append("connection"))

    assert sorted(done) == ["connection", "secret"]


def test_what_fails_is_left_to_the_event_that_needs_it() -> None:
    done: list[str] = []

    def fails() -> None:
        raise ConnectionError

    finish_loading(fails, lambda: done.append("connection"))

    assert done == ["connection"]


def test_what_hangs_does_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_MAX_SECONDS", 0.01)
    goes_on = threading.Event()

    finish_loading(goes_on.wait)
    is_still_at_it = not goes_on.is_set()
    goes_on.set()

    assert is_still_at_it


def test_garbage_is_collected_from_then_on() -> None:
    gc.disable()

    finish_loading()

    assert gc.isenabled()
