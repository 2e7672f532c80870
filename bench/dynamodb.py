"""What DynamoDB would charge: moto keeps the items, but does not weigh them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]

_WRITE_UNIT, _READ_UNIT = 1024, 4096
_OVERHEAD = 100
"""Bytes that DynamoDB stores beside an item, and beside each index entry."""


@dataclass(frozen=True)
class Index:
    """A global secondary index of a table whose key is `id`."""

    partition: str
    sort: str
    has_all: bool

    @classmethod
    def all_of(cls, table: Mapping[str, Any]) -> dict[str, Index]:
        """Return the indexes of a table as a template describes it."""
        found = {}
        for index in table.get("GlobalSecondaryIndexes", ()):
            keys = {one["KeyType"]: one["AttributeName"] for one in index["KeySchema"]}
            projection = index["Projection"]["ProjectionType"]
            if projection not in ("KEYS_ONLY", "ALL"):
                raise NotImplementedError(f"projection {projection}")
            found[index["IndexName"]] = cls(keys["HASH"], keys["RANGE"], projection == "ALL")
        return found

    def entry(self, item: Item | None) -> Item | None:
        if item is None or self.partition not in item or self.sort not in item:
            return None
        return item if self.has_all else {n: item[n] for n in ("id", self.partition, self.sort)}

    def write_units(self, before: Item | None, after: Item | None) -> int:
        """Return what a change of an item costs here; an entry that moves is written twice."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old and new and all(old[key] == new[key] for key in (self.partition, self.sort)):
            return _units(max(size_of(old), size_of(new)), _WRITE_UNIT)
        return sum(_units(size_of(entry), _WRITE_UNIT) for entry in (old, new) if entry)


@dataclass
class Charges:
    """Request units so far: writes by index ("" is the table itself), reads, and items written."""

    writes: Counter[str] = field(default_factory=Counter)
    reads: float = 0.0
    items_written: int = 0

    def write(self, before: Item | None, after: Item | None, indexes: Mapping[str, Index]) -> None:
        self.items_written += 1
        self.writes[""] += _units(max(size_of(before), size_of(after)), _WRITE_UNIT)
        for name, index in indexes.items():
            self.writes[name] += index.write_units(before, after)

    def read(self, size: int, *, consistent: bool) -> None:
        """Charge a read of one item, or of what a query found."""
        self.reads += _units(size, _READ_UNIT) / (1 if consistent else 2)


def stored_bytes(item: Item, indexes: Mapping[str, Index]) -> int:
    """Return what is stored of an item, index entries included."""
    entries = [entry for index in indexes.values() if (entry := index.entry(item))]
    return sum(_OVERHEAD + size_of(one) for one in (item, *entries))


def size_of(item: Item | None) -> int:
    """Return an item's size by DynamoDB's rules: names and values in UTF-8."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case "BOOL" | "NULL":
            return 1
        case "M":
            return 3 + size_of(content) + len(content)
        case "L":
            return 3 + sum(map(_value_size, content)) + len(content)
        case "SS":
            return sum(len(one.encode()) for one in content)
    raise NotImplementedError(f"type {kind}")


def _units(size: int, of: int) -> int:
    return max(1, math.ceil(size / of))
