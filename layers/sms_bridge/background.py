"""Background tasks: work in a thread of its own, for callers that must not or need not wait."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future


def start[Result](work: Callable[[], Result]) -> Future[Result]:
    """Start to do something, while the caller goes on.

    A `ThreadPoolExecutor`'s threads would be used up by tasks that hang, and waited for at the end.
    The task has the caller's context: its log lines keep the ids of the request it belongs to.
    """
    future: Future[Result] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
