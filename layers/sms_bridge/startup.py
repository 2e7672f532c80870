"""Start a function quickly: import this first.

While modules are loaded nothing becomes garbage, so looking for it is in vain. What is loaded by
then stays, so it is never looked through again. And what the first event would wait for is done
before it comes: a function's start has more processor time than its events.
"""

import gc
import time
from collections.abc import Callable
from contextlib import suppress

gc.disable()

from sms_bridge.side_work import begin  # noqa: E402 - from here on nothing is collected

# A start that takes longer is paid for by the first event.
_MAX_SECONDS = 1.0


def finish_loading(*preparations: Callable[[], object]) -> None:
    """Say that the function is loaded.

    Parameters
    ----------
    *preparations
        What is done side by side before the first event, for a second at most. What fails is
        left to the event that needs it.
    """
    ends_at = time.monotonic() + _MAX_SECONDS
    for begun in [begin(prepare) for prepare in preparations]:
        with suppress(Exception):
            begun.result(max(0.0, ends_at - time.monotonic()))
    gc.enable()
    gc.freeze()
