"""What DynamoDB charges."""

from collections import Counter

import pytest

from bench.dynamodb import Charges, Item, size_of, stored_bytes

KEYS = [{"AttributeName": "shard"}, {"AttributeName": "at"}]
INDEX = {"IndexName": "open", "KeySchema": KEYS, "Projection": {"ProjectionType": "KEYS_ONLY"}}
TABLE = {"GlobalSecondaryIndexes": [INDEX]}
CLOSED: Item = {"id": {"S": "1"}, "at": {"S": "now"}}
OPEN: Item = {**CLOSED, "shard": {"S": "3"}}


def test_names_and_texts_are_as_large_as_in_utf_8() -> None:
    assert size_of({"ö": {"S": "é"}}) == 2 + 2


def test_an_item_is_stored_with_its_index_entries() -> None:
    assert stored_bytes(OPEN, TABLE) == 2 * 100 + 2 * size_of(OPEN)
    assert stored_bytes(CLOSED, TABLE) == 100 + size_of(CLOSED)


@pytest.mark.parametrize(
    ("before", "after", "units", "of_the_index"),
    [
        ({}, OPEN, 1, 1),
        (OPEN, CLOSED, 1, 1),
        (OPEN, {**OPEN, "text": {"S": "x"}}, 1, 0),
        (OPEN, {**OPEN, "shard": {"S": "4"}}, 1, 2),
        (CLOSED, CLOSED, 1, 0),
        ({**OPEN, "text": {"S": "x" * 1024}}, OPEN, 2, 0),
    ],
)
def test_a_write_costs_by_the_larger_item_and_in_an_index_by_what_changes(
    before: Item, after: Item, units: int, of_the_index: int
) -> None:
    charges = Charges()

    charges.write(before, after, TABLE)

    assert charges.write_units == Counter({"": units, "open": of_the_index})


def test_an_eventually_consistent_read_costs_half() -> None:
    charges = Charges()

    charges.read({"text": {"S": "x" * 4093}}, consistent=True)
    charges.read({}, consistent=False)

    assert charges.read_units == 2.5
