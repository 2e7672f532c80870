"""What DynamoDB would charge: moto keeps the items, but does not weigh them.

A table is as a template describes it; its key is `id`.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]

_TABLE = ("",)
_WRITE_UNIT, _READ_UNIT = 1024, 4096
# Bytes that DynamoDB stores beside an item, and beside each index entry.
_OVERHEAD = 100


@dataclass
class Charges:
    """Request units so far: of writes by index ("" is the table itself), and of reads."""

    write_units: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    items_written: int = 0
    stored_bytes: int = 0  # with index entries

    def write(self, before: Item, after: Item, table: Mapping[str, Any]) -> None:
        """Charge a write of one item, which is empty where there is none."""
        self.items_written += 1
        old, new = _entries(before, table), _entries(after, table)
        for place in old | new:
            sizes = [size_of(one.get(place, {})) for one in (old, new)]
            self.stored_bytes += sizes[1] - sizes[0] + _OVERHEAD * (bool(sizes[1]) - bool(sizes[0]))
            # An index is written where it changes, and costs by the larger one like the table.
            if place == _TABLE or old.get(place) != new.get(place):
                self.write_units[place[0]] += max(1, math.ceil(max(sizes) / _WRITE_UNIT))

    def read(self, *items: Item, consistent: bool) -> None:
        """Charge a read of one item, or of what a query found."""
        units = max(1, math.ceil(sum(map(size_of, items)) / _READ_UNIT))
        self.read_units += units / (1 if consistent else 2)


def _entries(item: Item, table: Mapping[str, Any]) -> dict[tuple[str, ...], Item]:
    """Return what table and indexes have of an item, by key: one that moves is written twice."""
    found: dict[tuple[str, ...], Item] = {_TABLE: item}
    for index in table.get("GlobalSecondaryIndexes", ()):
        keys = [one["AttributeName"] for one in index["KeySchema"]]
        if item.keys() >= set(keys):
            names = {"KEYS_ONLY": ("id", *keys), "ALL": item}[index["Projection"]["ProjectionType"]]
            place = index["IndexName"], *(str(item[key]) for key in keys)
            found[place] = {name: item[name] for name in names}
    return found


def size_of(item: Item) -> int:
    """Return an item's size by DynamoDB's rules: names and values in UTF-8."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    match value:
        case {"S": text}:
            return len(text.encode())
        case {"N": number}:
            return (len(number.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case {"M": content}:
            return 3 + size_of(content) + len(content)
    raise NotImplementedError(f"a value of type {[*value]}")
