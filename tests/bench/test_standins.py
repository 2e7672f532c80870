"""What stands in for AWS, 8x8 and MoEngage, and what it charges and tells apart."""

from collections import Counter
from pathlib import Path

import pytest

from bench.dynamodb import Charges, Item, size_of, stored_bytes
from bench.measure import FIGURES, Figure, failures
from bench.scenario import metrics_in
from bench.standins import TABLE, Exchange, StandIns, round_trips
from bench.template import Stack

UPDATE = 'UPDATE "{}" SET "state" = \'sending\' WHERE "id" = ? AND "state" = \'waiting\''.format
KEYS = [{"AttributeName": "shard"}, {"AttributeName": "at"}]
INDEX = {"IndexName": "open", "KeySchema": KEYS, "Projection": {"ProjectionType": "KEYS_ONLY"}}
INDEXED = {"GlobalSecondaryIndexes": [INDEX]}
CLOSED: Item = {"id": {"S": "1"}, "at": {"S": "now"}}
OPEN: Item = {**CLOSED, "shard": {"S": "3"}}


def test_writes_and_reads_are_charged_a_refused_one_as_well(tmp_path: Path) -> None:
    with StandIns(tmp_path, Stack()).running() as standins:
        dynamodb = standins.client("dynamodb")
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "1"}, "state": {"S": "waiting"}})
        statements = [
            {"Statement": UPDATE(TABLE), "Parameters": [{"S": one}]} for one in ("1", "2")
        ]

        first, second = dynamodb.batch_execute_statement(Statements=statements)["Responses"]

        assert "Error" not in first
        assert second["Error"]["Code"] == "ConditionalCheckFailed"
        assert standins.charges.items_written == 3
        item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "1"}})["Item"]
        assert item["state"] == {"S": "sending"}
        assert standins.charges.read_units == 0.5


@pytest.mark.parametrize(
    ("spans", "trips"),
    [
        ([(0, 1), (1, 2), (2, 3)], 3),
        ([(0, 1), (0.1, 1.1), (1.2, 2.2), (2.3, 3.3)], 3),
        ([(0, 10), (1, 2), (3, 4)], 2),
        ([(-1, 0), (1, 2), (11, 12)], 1),
    ],
)
def test_calls_made_at_once_are_one_round_trip(
    spans: list[tuple[float, float]], trips: int
) -> None:
    exchanges = [Exchange("dynamodb", *span, 0) for span in spans]

    assert round_trips(exchanges, 0, 10) == Counter(dynamodb=trips)


def test_each_set_of_dimensions_is_a_metric() -> None:
    line = (
        b'{"service":"s","reason":"r","Sent":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":'
        b'[["service"],["service","reason"]],"Metrics":[{"Name":"Sent"}]}]}}\n{"level":"INFO"}\n'
    )

    assert list(metrics_in(line)) == ["Sent[service=s]", "Sent[reason=r,service=s]"]


@pytest.mark.parametrize(
    ("figure", "fails"),
    [
        (Figure("warm send", 1.1), False),
        (Figure("warm send", 1.11), True),
        (Figure("warm send", 9, repeats=False), False),
        (Figure("warm send, as people write it", 9), False),
        (Figure("start of send_sms", 12.6), True),
        (Figure("not recorded", 9), False),
    ],
)
def test_only_what_repeats_fails_the_bench(
    figure: Figure, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("warm send", "warm send, as people write it"):
        monkeypatch.setitem(FIGURES, name, {"recorded": 1.0})

    assert bool([*failures([figure])]) is fails


def test_names_and_texts_are_as_large_as_in_utf_8() -> None:
    assert size_of({"ö": {"S": "é"}}) == 2 + 2


def test_an_item_is_stored_with_its_index_entries() -> None:
    assert stored_bytes(OPEN, INDEXED) == 2 * 100 + 2 * size_of(OPEN)
    assert stored_bytes(CLOSED, INDEXED) == 100 + size_of(CLOSED)


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

    charges.write(before, after, INDEXED)

    assert charges.write_units == Counter({"": units, "open": of_the_index})


def test_an_eventually_consistent_read_costs_half() -> None:
    charges = Charges()

    charges.read({"text": {"S": "x" * 4093}}, consistent=True)
    charges.read({}, consistent=False)

    assert charges.read_units == 2.5
