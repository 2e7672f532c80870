"""Makes a failing run small: fewer messages, fewer faults, while it still fails."""

import time
from collections.abc import Iterator
from dataclasses import replace

from tests.chaos.campaign import Result, Setting, run

_SECONDS = 60.0


def shrink(setting: Setting, *, seconds: float = _SECONDS) -> tuple[Setting, Result]:
    """Return a small setting that fails in the same way, and its result.

    Parameters
    ----------
    seconds
        For how long to look for a smaller one.
    """
    ends_at = time.monotonic() + seconds
    best = run(setting)
    kinds = set(best.failures)
    while True:
        for candidate in _candidates(best.setting):
            if time.monotonic() > ends_at:
                return best.setting, best
            result = run(candidate)
            if kinds & set(result.failures):
                best = result
                break
        else:
            return best.setting, best


def _candidates(setting: Setting) -> Iterator[Setting]:
    """Return smaller settings, the smallest first."""
    count = len(setting.faults)
    if count > 3:
        for name in setting.faults:
            yield replace(setting, messages=min(setting.messages, 60), faults=(name,))
    if setting.messages > 1:
        yield replace(setting, messages=setting.messages // 2)
    size = count // 2
    while size:
        for begin in range(0, count, size):
            left = setting.faults[:begin] + setting.faults[begin + size :]
            yield replace(setting, faults=left)
        size //= 2
