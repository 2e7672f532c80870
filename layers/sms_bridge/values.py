"""Value classes: frozen dataclasses that cost next to nothing to define.

``@dataclass(frozen=True)`` writes the source code of each class's methods and compiles it at every
start of a function, which took a third of the bridge's own start-up. The methods here are written
once, for all classes. Everything else is a dataclass: ``fields``, ``replace``, ``asdict``.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, dataclass_transform

_fill = object.__setattr__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value[Class](*, kw_only: bool = False) -> Callable[[type[Class]], type[Class]]:
    """Make a class one of values: compared by content, never changed.

    Parameters
    ----------
    kw_only
        Whether its arguments must be named.
    """

    def decorate(undecorated: type[Class]) -> type[Class]:
        made: Any = dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(undecorated)
        described = fields(made)
        made._names = frozenset(one.name for one in described)
        made._defaults = {one.name: one.default for one in described if one.default is not MISSING}
        made._factories = [
            (one.name, one.default_factory)
            for one in described
            if one.default_factory is not MISSING
        ]
        made.__init__ = _init
        made.__repr__ = _repr
        made.__eq__ = _eq
        made.__hash__ = _hash
        made.__setattr__ = made.__delattr__ = _refuse
        return undecorated

    return decorate


def changed[Value](original: Value, **changes: Any) -> Value:
    """Return a value that differs in some fields: ``dataclasses.replace`` for ours, but quick."""
    content = {**original.__dict__, **changes}
    if len(content) != len(original.__dict__):
        unknown = sorted(changes.keys() - original.__dict__.keys())
        raise TypeError(f"{type(original).__name__} has no {', '.join(unknown)}")
    copy = object.__new__(type(original))
    _fill(copy, "__dict__", content)
    return copy


def _init(self: Any, /, *positional: Any, **named: Any) -> None:
    # To fill a dictionary and hand it over takes a quarter of what setting each field does.
    content = {**self._defaults, **named}
    for name, make in self._factories:
        if name not in named:
            content[name] = make()
    doubled = False
    if positional:
        by_position = dict(zip(self.__match_args__, positional, strict=False))
        doubled = len(by_position) < len(positional) or not by_position.keys().isdisjoint(named)
        content |= by_position
    # A name too many, or one too few.
    if doubled or len(content) != len(self._names) or not named.keys() <= self._names:
        wrong = ", ".join(sorted(content.keys() ^ self._names)) or "too many"
        raise TypeError(f"{type(self).__name__}: wrong arguments: {wrong}")
    _fill(self, "__dict__", content)


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> Any:
    return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(tuple(self.__dict__[one.name] for one in fields(self)))


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise FrozenInstanceError(f"cannot change {name} of a {type(self).__name__}")
