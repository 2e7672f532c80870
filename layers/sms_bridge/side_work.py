"""Work in a thread of its own, for whoever must not or need not wait for it.

``concurrent.futures`` does the same for several times the price, at start and for each piece of
work, and lets a function have a given number of threads: work that hangs would use them up.
"""

import threading
from collections.abc import Callable
from typing import Any


class SideWork[Result]:
    """A piece of work that was begun."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._is_running = threading.Lock()
        self._is_running.acquire()
        self._found: list[Result] = []
        self._error: BaseException | None = None

    def done(self) -> bool:
        """Tell whether there is a result, or an exception."""
        return not self._is_running.locked()

    def result(self, timeout: float = -1) -> Result:
        """Wait for the result.

        Parameters
        ----------
        timeout
            Seconds; negative for as long as it takes.

        Raises
        ------
        TimeoutError
            When it is not there in time.
        BaseException
            What the work raised.
        """
        if not self._is_running.acquire(timeout=timeout):
            raise TimeoutError
        self._is_running.release()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def do(self) -> None:
        """Do the work; called once."""
        try:
            self._found.append(self._work())
        except BaseException as error:
            self._error = error

    def end(self) -> None:
        """Let those go on who wait for it."""
        self._is_running.release()


class _Worker:
    """A thread that does one piece of work after the other."""

    def __init__(self) -> None:
        self._given: SideWork[Any] | None = None
        self._has_work = threading.Lock()
        self._has_work.acquire()
        threading.Thread(target=self._run, daemon=True).start()

    def take(self, work: SideWork[Any]) -> None:
        self._given = work
        self._has_work.release()

    def _run(self) -> None:
        while True:
            self._has_work.acquire()
            work, self._given = self._given, None
            assert work is not None  # noqa: S101 - `take` gave it
            work.do()
            # Before anybody hears of it: who begins the next piece of work then finds this thread.
            _idle.append(self)
            work.end()
            del work


_idle: list[_Worker] = []


def begin[Result](work: Callable[[], Result]) -> SideWork[Result]:
    """Begin to do something, while the caller goes on."""
    begun = SideWork(work)
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.take(begun)
    return begun
