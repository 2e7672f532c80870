"""Fakes that fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def failing(fake: object, *methods: str, error: Exception | None = None) -> Iterator[None]:
    """Let these methods of a fake fail, as if what is behind it were gone for a while."""

    def fail(*_: Any, **__: Any) -> None:
        raise error or ConnectionError

    for method in methods:
        setattr(fake, method, fail)
    yield
    for method in methods:
        delattr(fake, method)
