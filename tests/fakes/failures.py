"""Fakes that fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class KilledError(BaseException):
    """Stands for a function that ends in the middle of its work; nothing catches that."""


@contextmanager
def failing(
    fake: object, *methods: str, error: BaseException | None = None, of: str = ""
) -> Iterator[None]:
    """Let these methods of a fake fail, as if what is behind it were gone for a while.

    Parameters
    ----------
    of
        What the calls that fail are about: their first argument. Without it all fail.
    """

    def failing_instead_of(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if of and arguments[0] != of:
                return method(*arguments, **named)
            raise error or ConnectionError

        return call

    for method in methods:
        setattr(fake, method, failing_instead_of(getattr(fake, method)))
    yield
    for method in methods:
        delattr(fake, method)


@dataclass
class Interruption:
    """Something that happens once, before or after one of the calls that a step makes.

    Attributes
    ----------
    moment
        Before the first call is 0, after it 1, before the second 2, and so on.
    passed
        How many moments there were.
    """

    moment: int
    happens: Callable[[], None]
    passed: int = 0

    def watched(self, fake: object) -> "Watched":
        """Let it come between a fake and who calls it."""
        return Watched(fake, self)

    def pass_moment(self) -> None:
        self.passed += 1
        if self.passed == self.moment + 1:
            self.happens()

    @property
    def came(self) -> bool:
        return self.passed > self.moment


class Watched:
    """A fake whose calls are moments for an interruption."""

    def __init__(self, fake: object, interruption: Interruption) -> None:
        self._fake = fake
        self._interruption = interruption

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._fake, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._interruption.pass_moment()
            result = method(*arguments, **named)
            self._interruption.pass_moment()
            return result

        return call


def kill() -> None:
    """End the function that is running."""
    raise KilledError
