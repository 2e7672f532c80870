"""Start a function quickly: import this first.

While modules are loaded nothing becomes garbage, so the collector is off; what is loaded stays, so
it is frozen. A function's start has more processor time than its events.
"""

import gc
import time
from collections.abc import Callable
from contextlib import suppress

gc.disable()

from sms_bridge import background  # noqa: E402 - from here on nothing is collected

# A start that takes longer is paid for by the first event.
_MAX_SECONDS = 1.0


def finish_loading(*preparations: Callable[[], object]) -> None:
    """Prepare for the first event, then switch the collector on.

    The preparations run side by side, for a second at most. What fails is left to the event that
    needs it.
    """
    ends_at = time.monotonic() + _MAX_SECONDS
    for task in [background.start(prepare) for prepare in preparations]:
        with suppress(Exception):
            task.result(max(0.0, ends_at - time.monotonic()))
    gc.enable()
    gc.freeze()
