"""What DynamoDB would charge: moto keeps the items, but does not weigh them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]

_WRITE_UNIT, _READ_UNIT = 1024, 4096
# Bytes that DynamoDB stores beside an item, and beside each index entry.
_OVERHEAD = 100


@dataclass(frozen=True)
class Index:
    """A global secondary index of a table whose key is `id`."""

    partition: str
    sort: str
    has_all: bool

    @classmethod
    def all_of(cls, table: Mapping[str, Any]) -> "dict[str, Index]":
        """Return the indexes of a table as a template describes it."""
        found = {}
        for index in table.get("GlobalSecondaryIndexes", ()):
            keys = {one["KeyType"]: one["AttributeName"] for one in index["KeySchema"]}
            has_all = {"KEYS_ONLY": False, "ALL": True}[index["Projection"]["ProjectionType"]]
            found[index["IndexName"]] = cls(keys["HASH"], keys["RANGE"], has_all)
        return found

    def entry(self, item: Item) -> Item:
        """Return what the index has of an item, empty if nothing."""
        if not {self.partition, self.sort} <= item.keys():
            return {}
        return item if self.has_all else {n: item[n] for n in ("id", self.partition, self.sort)}

    def write_units(self, before: Item, after: Item) -> int:
        """Return what a change of an item costs here; an entry that moves is written twice."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if all(old.get(key) == new.get(key) for key in (self.partition, self.sort)):
            return _write_units(old, new)
        return sum(_write_units(entry) for entry in (old, new) if entry)


@dataclass
class Charges:
    """Request units so far: of writes by index ("" is the table itself), and of reads."""

    write_units: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    items_written: int = 0

    def write(self, before: Item, after: Item, indexes: Mapping[str, Index]) -> None:
        """Charge a write of one item, which is empty where there is none."""
        self.items_written += 1
        self.write_units[""] += _write_units(before, after)
        for name, index in indexes.items():
            self.write_units[name] += index.write_units(before, after)

    def read(self, *items: Item, consistent: bool) -> None:
        """Charge a read of one item, or of what a query found."""
        units = max(1, math.ceil(sum(map(size_of, items)) / _READ_UNIT))
        self.read_units += units / (1 if consistent else 2)


def stored_bytes(item: Item, indexes: Mapping[str, Index]) -> int:
    """Return what is stored of an item, index entries included."""
    entries = (index.entry(item) for index in indexes.values())
    return sum(_OVERHEAD + size_of(one) for one in (item, *entries) if one)


def size_of(item: Item) -> int:
    """Return an item's size by DynamoDB's rules: names and values in UTF-8."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


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
    raise NotImplementedError(f"type {kind}")


def _write_units(*versions: Item) -> int:
    """Return the units of a write, which costs by the larger one."""
    return max(1, math.ceil(max(map(size_of, versions)) / _WRITE_UNIT))
