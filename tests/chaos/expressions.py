"""DynamoDB's expressions, as far as the bridge uses them."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Test = Callable[[Item, Names, Values], bool]

_TOKEN = re.compile(r"<=|>=|<>|[()=,<>]|[:#]?\w+|(\S)")
_SECTIONS = ("SET", "ADD", "REMOVE")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "<>": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


class ExpressionError(Exception):
    """DynamoDB would refuse the expression, with a ValidationException."""


@lru_cache(maxsize=10_000)
def tokens_of(expression: str) -> tuple[str, ...]:
    """Return the tokens of an expression."""
    tokens = []
    for match in _TOKEN.finditer(expression):
        if match.group(1):
            raise ExpressionError(f"no token begins with {match.group(1)}")
        tokens.append(match.group())
    return tuple(tokens)


class _Reader:
    """Reads tokens one after the other."""

    def __init__(self, expression: str) -> None:
        self._tokens = tokens_of(expression)
        self._place = 0

    def peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self._place += 1
        return token

    def take(self, *expected: str) -> bool:
        if self.peek().upper() not in expected:
            return False
        self._place += 1
        return True

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise ExpressionError(f"{token} is missing before {self.peek()!r}")


# ------------------------------------------------------------------------------------- conditions
@lru_cache(maxsize=1000)
def condition(expression: str) -> Test:
    """Return the test that a condition expression stands for."""
    reader = _Reader(expression)
    test = _any_of(reader)
    if reader.peek():
        raise ExpressionError(f"{reader.peek()!r} is too much")
    return test


def _any_of(reader: _Reader) -> Test:
    tests = [_all_of(reader)]
    while reader.take("OR"):
        tests.append(_all_of(reader))
    return lambda *of: any(test(*of) for test in tests)


def _all_of(reader: _Reader) -> Test:
    tests = [_single(reader)]
    while reader.take("AND"):
        tests.append(_single(reader))
    return lambda *of: all(test(*of) for test in tests)


def _single(reader: _Reader) -> Test:
    if reader.take("NOT"):
        negated = _single(reader)
        return lambda *of: not negated(*of)
    if reader.take("("):
        test = _any_of(reader)
        reader.expect(")")
        return test
    first = reader.next()
    if first in ("attribute_exists", "attribute_not_exists"):
        reader.expect("(")
        path = reader.next()
        reader.expect(")")
        wanted = first == "attribute_exists"
        return lambda item, names, _: (name_of(path, names) in item) is wanted
    if reader.take("BETWEEN"):
        low = reader.next()
        reader.expect("AND")
        high = reader.next()
        return _both(_comparison(first, ">=", low), _comparison(first, "<=", high))
    if reader.take("IN"):
        reader.expect("(")
        others = list(_listed(reader))
        reader.expect(")")
        tests = [_comparison(first, "=", other) for other in others]
        return lambda *of: any(test(*of) for test in tests)
    return _comparison(first, reader.next(), reader.next())


def _both(first: Test, second: Test) -> Test:
    return lambda *of: first(*of) and second(*of)


def _listed(reader: _Reader) -> Iterator[str]:
    yield reader.next()
    while reader.take(","):
        yield reader.next()


def _comparison(left: str, operator: str, right: str) -> Test:
    compare = _COMPARISONS.get(operator)
    if compare is None:
        raise ExpressionError(f"{operator!r} does not compare")

    def test(item: Item, names: Names, values: Values) -> bool:
        one, other = _operand(left, item, names, values), _operand(right, item, names, values)
        # A missing attribute, or one of another type, compares with nothing.
        if one is None or other is None or one.keys() != other.keys():
            return operator == "<>"
        return compare(_comparable(one), _comparable(other))

    return test


def _comparable(value: Item) -> Any:
    ((message_type, content),) = value.items()
    return Decimal(content) if message_type == "N" else content


def _operand(token: str, item: Item, names: Names, values: Values) -> Item | None:
    if token.startswith(":"):
        return _value_of(token, values)
    return item.get(name_of(token, names))


def name_of(token: str, names: Names) -> str:
    """Return the attribute that a token names."""
    if not token.startswith("#"):
        return token
    if token not in names:
        raise ExpressionError(f"{token} is not among the names")
    return names[token]


def _value_of(token: str, values: Values) -> Item:
    if token not in values:
        raise ExpressionError(f"{token} is not among the values")
    value: Item = values[token]
    return value


# ---------------------------------------------------------------------------------------- updates
def updated(item: Item, expression: str, names: Names, values: Values) -> Item:
    """Return the item as an update expression leaves it."""
    after = dict(item)
    touched: set[str] = set()
    reader = _Reader(expression)
    seen: set[str] = set()
    while section := reader.next().upper():
        if section not in _SECTIONS or section in seen:
            raise ExpressionError(f"{section!r} begins no section, or begins it again")
        seen.add(section)
        while True:
            path = name_of(reader.next(), names)
            if path in touched:
                raise ExpressionError(f"two paths overlap: {path}")
            touched.add(path)
            _change(section, path, reader, item, after, names, values)
            if not reader.take(","):
                break
    return after


def _change(
    section: str,
    path: str,
    reader: _Reader,
    item: Item,
    after: Item,
    names: Names,
    values: Values,
) -> None:
    match section:
        case "SET":
            reader.expect("=")
            if reader.take("IF_NOT_EXISTS"):
                reader.expect("(")
                existing = item.get(name_of(reader.next(), names))
                reader.expect(",")
                new = _value_of(reader.next(), values)
                reader.expect(")")
                after[path] = new if existing is None else existing
            else:
                value = _operand(reader.next(), item, names, values)
                if value is None:
                    raise ExpressionError(f"nothing to set {path} to")
                after[path] = value
        case "ADD":
            before = Decimal(item.get(path, {"N": "0"})["N"])
            after[path] = {"N": str(before + Decimal(_value_of(reader.next(), values)["N"]))}
        case "REMOVE":
            after.pop(path, None)


def refuse_unused(expressions: str, names: Names, values: Values) -> None:
    """Refuse names and values that no expression uses, as DynamoDB does."""
    used = set(tokens_of(expressions))
    unused = [name for name in (*names, *values) if name not in used]
    if unused:
        raise ExpressionError(f"unused: {', '.join(unused)}")
