"""What DynamoDB charges."""

from typing import Any

import pytest

from bench.dynamodb import Charges, Index, Item, size_of, stored_bytes

TABLE = {
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "open",
            "KeySchema": [
                {"AttributeName": "shard", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
}
INDEXES = Index.all_of(TABLE)
CLOSED: Item = {"id": {"S": "1"}, "at": {"S": "now"}}
OPEN: Item = {**CLOSED, "shard": {"S": "3"}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "-1.25"}, 3),
        ({"BOOL": True}, 1),
        ({"M": {"ab": {"S": "c"}}}, 7),
        ({"L": [{"S": "c"}, {"NULL": True}]}, 7),
        ({"SS": ["a", "bc"]}, 3),
    ],
)
def test_a_value_is_as_large_as_dynamodb_says(value: dict[str, Any], size: int) -> None:
    assert size_of({"name": value}) == len("name") + size


def test_an_item_is_stored_with_its_index_entries() -> None:
    assert stored_bytes(OPEN, INDEXES) == 2 * 100 + 2 * size_of(OPEN)
    assert stored_bytes(CLOSED, INDEXES) == 100 + size_of(CLOSED)


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, OPEN, 1),
        (OPEN, CLOSED, 1),
        (OPEN, {**OPEN, "text": {"S": "x"}}, 0),
        (OPEN, {**OPEN, "shard": {"S": "4"}}, 2),
        (CLOSED, CLOSED, 0),
    ],
)
def test_an_index_is_charged_for_what_changes_in_it(
    before: Item | None, after: Item | None, units: int
) -> None:
    charges = Charges()

    charges.write(before, after, INDEXES)

    assert charges.writes["open"] == units
    assert charges.writes[""] == 1


def test_a_write_costs_by_the_larger_item() -> None:
    charges = Charges()

    charges.write({**OPEN, "text": {"S": "x" * 1024}}, OPEN, INDEXES)

    assert charges.writes[""] == 2


def test_an_eventually_consistent_read_costs_half() -> None:
    charges = Charges()

    charges.read(4097, consistent=True)
    charges.read(0, consistent=False)

    assert charges.reads == 2.5
