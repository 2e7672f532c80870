"""Powertools' circuit breaker in a test's own time."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools.utilities.circuit_breaker import base
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as cached
from aws_lambda_powertools.utilities.circuit_breaker.persistence import dynamodb


class _OfEachProcess(dict[Any, Any]):
    """What a process counts, of several processes that are one here."""

    def __init__(self, process: Callable[[], str]) -> None:
        self._process = process

    def get(self, name: str, default: Any = None) -> Any:
        return super().get((self._process(), name), default)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__((self._process(), name), value)


@contextmanager
def circuits(clock: Callable[[], float], process: Callable[[], str] = str) -> Iterator[None]:
    """Let circuits go by a clock, and count anew: apart for each process, by its name.

    Who probes is another one each time. In a function a thread that could not write what its probe
    came to would probe again; here that is left to the next one, when the lease is over.
    """
    now = SimpleNamespace(now=lambda: datetime.fromtimestamp(clock(), UTC))
    probers = itertools.count()
    with ExitStack() as patches:
        for module in (base, cached, dynamodb):
            patches.enter_context(patch.object(module, "dt", SimpleNamespace(datetime=now)))
        for name in ("_LOCAL_FAILURES", "_LOCAL_SUCCESSES", "_LAST_OBSERVED_STATE"):
            patches.enter_context(patch.object(base, name, _OfEachProcess(process)))
        patches.enter_context(patch.object(base, "_probe_owner_id", lambda: f"{next(probers)}"))
        yield
