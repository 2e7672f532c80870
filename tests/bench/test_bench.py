"""What `make bench` computes, against sums done by hand."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import DOCUMENT, table
from bench.bill import billed_seconds, metrics_in, million, month, own_seconds
from bench.capacity import FAIRNESS, Campaign, fairness, limits, play
from bench.dynamodb import Charges, Item
from bench.measure import FIGURES, Figure, failures
from bench.scenario import DISPATCH, Life, Usage
from bench.standins import TABLE, Exchange, StandIns, round_trips
from bench.template import Settings, Stack

LINE = (
    b'{"service":"s","reason":"r","Sent":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":'
    b'[["service"],["service","reason"]],"Metrics":[{"Name":"Sent"}]}]}}'.ljust(999)
    + b"\n"
)
SEND = Usage(
    messages=20,
    invocations=20,
    calls={"dynamodb": 40, "8x8": 20},
    waits={"dynamodb": 2, "8x8": 1},
    charges=Charges(Counter({"": 40, "open": 20, "recipient": 20, "campaign": 20}), 20, 20, 20_480),
    log=LINE * 20,
    sent_bytes=10_000,
    cpu=0.001,
    start_cpu=0.2,
)
RUN = Usage(messages=3, invocations=3, waits={"dynamodb": 4}, charges=Charges(read_units=24))
PLAIN = Settings(traced=0, has_platform_lines=False)
UPDATE = 'UPDATE "{}" SET "state" = \'sending\' WHERE "id" = ? AND "state" = \'waiting\''.format
KEYS = [{"AttributeName": "shard"}, {"AttributeName": "at"}]
INDEX = {"IndexName": "open", "KeySchema": KEYS, "Projection": {"ProjectionType": "KEYS_ONLY"}}
INDEXED = {"GlobalSecondaryIndexes": [INDEX]}
CLOSED: Item = {"id": {"S": "1"}, "at": {"S": "now"}}
OPEN: Item = {**CLOSED, "shard": {"S": "3"}}


def test_a_million_messages_cost_what_the_list_says() -> None:
    assert million(Life({"send_sms": SEND}, PLAIN)) == pytest.approx(
        {
            "API Gateway": 1.00,
            "Lambda: requests": 0.20,
            # 150 ms for 8x8, 10 for DynamoDB, and 1 ms of CPU at 512/1769 of a processor.
            "Lambda: duration": 1e6 * 0.164 * 0.5 * 0.0000133334,
            "DynamoDB: writes": 2 * 0.625,
            "DynamoDB: indexes": 3 * 0.625,
            "DynamoDB: reads": 0.125,
            "CloudWatch Logs": 1e6 * 1026 / 1024**3 * 0.50,
            "Data out": 1e6 * 500 / 1024**3 * 0.09,
        }
    )


def test_a_batch_shares_its_request_and_its_calls_of_sqs() -> None:
    batch = replace(SEND, messages=2000, calls={"sqs": 200}, waits={"dynamodb": 2, "sqs": 2})
    dispatches = replace(SEND, messages=182, invocations=2)

    costs = million(Life({"send_sms": batch, DISPATCH: dispatches}, PLAIN))

    assert costs["API Gateway"] == pytest.approx(0.01)
    assert costs["Lambda: requests"] == pytest.approx(1e6 * (20 / 2000 + 2 / 182) * 0.20e-6)
    assert costs["SQS: sending"] == pytest.approx(0.04)
    # 91 messages are received by ten requests, and deleted by as many.
    assert costs["SQS: receiving and deleting"] == pytest.approx(40 / 182 * 0.40)
    assert costs["SQS: fair queues"] == pytest.approx((40 / 182 + 0.1) * 0.10)


def test_waiting_is_billed_and_pace_and_computing_with_little_memory() -> None:
    def seconds(step: str, **settings: Any) -> float:
        return billed_seconds(Life({step: SEND}, Settings(**settings)), step)

    assert own_seconds(0.001, memory_mb=10_240) == 0.001
    assert seconds("send_sms", memory_mb=128) == pytest.approx(0.174)
    assert seconds("send_sms", pace=0.2) == pytest.approx(0.164)
    assert seconds(DISPATCH, pace=0.2) == pytest.approx(0.2)


TEMPLATE = """
Parameters: {ThrottlingRateLimit: {Default: 1000}, DispatchConcurrency: {Default: 5}}
Resources:
  Secret: {Type: AWS::SecretsManager::Secret}
  Reconcile:
    Type: AWS::Serverless::Function
    Properties: {Events: {Run: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}}}
  DispatchQueue:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Sends: {Type: SQS, Properties: {BatchSize: 100, ScalingConfig: {MaximumConcurrency: 5}}}
  ForwardOutcome:
    Type: AWS::Serverless::Function
    Properties: {Events: {Outcomes: {Type: SQS, Properties: {BatchSize: 10}}}}
  Nested:
    Type: AWS::Serverless::Application
    Properties: {Location: watch.yaml, Parameters: {}}
"""
WATCH = """
Parameters: {}
Resources:
  One: {Type: AWS::CloudWatch::Alarm}
  Ratio:
    Type: AWS::CloudWatch::Alarm
    Properties: {Metrics: [{MetricStat: {}}, {MetricStat: {}}, {Expression: a / b}]}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "watch.yaml").write_text(WATCH)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("watch", f"{tmp_path}/watch"))
    return Stack(tmp_path / "template.yaml")


def test_a_month_costs_what_the_template_makes_and_what_messages_bring(stack: Stack) -> None:
    life = Life({"send_sms": SEND}, PLAIN)
    idle, few, many = (month(stack, count, life, RUN) for count in (0, 1000, 1_000_000))

    assert idle == pytest.approx(
        {
            # One metric alone, and the two of a ratio.
            "Alarms": 3 * 0.10,
            "Custom metrics": 0,
            "Secret": 0.40,
            # Five pollers of a queue with a limit, two of one without, three times a minute.
            "Polling of the queues": 7 * 3 * 1440 * 30 * 0.40e-6,
            # 8,640 runs that read 8 units and wait 20 ms.
            "Runs of reconcile": 8640 * (0.20e-6 + 8 * 0.125e-6 + 0.02 * 0.5 * 0.0000133334),
            "New environments": 0,
            "Messages": 0,
            "Records kept": 0,
        }
    )
    assert few["Custom metrics"] == many["Custom metrics"] == pytest.approx(0.60)
    # Each of a thousand finds an environment of its own; a million share six an hour.
    start = 0.2 * 0.5 * 0.0000133334 + 0.05 / 10_000
    assert few["New environments"] == pytest.approx(1000 * start)
    assert many["New environments"] == pytest.approx(30 * 24 * 6 * start)
    assert many["Messages"] == pytest.approx(sum(million(life).values()))
    assert many["Records kept"] == pytest.approx(1e6 / 1024**2 * 3 * 0.45)


def test_the_bridge_has_nothing_that_costs_by_the_month_and_is_not_in_the_bill() -> None:
    def made(type_: str) -> list[dict[str, Any]]:
        return list(Stack(Monitoring="full").everywhere(f"AWS::{type_}"))

    assert not made("KMS::Key") + made("CloudWatch::CompositeAlarm") + made("EC2::VPCEndpoint")
    assert len(made("CloudWatch::Dashboard")) <= 3
    # A filter with a default value would publish in each minute.
    assert "DefaultValue" not in str(made("Logs::MetricFilter"))


def test_each_set_of_dimensions_is_a_metric() -> None:
    assert list(metrics_in(LINE)) == ["Sent[service=s]", "Sent[reason=r,service=s]"]


def test_a_limit_is_what_a_service_allows_over_what_a_message_uses(stack: Stack) -> None:
    found = limits(Life({"send_sms": SEND, "forward_outcome": SEND}, PLAIN), stack)

    # Two receipts a message.
    assert found["API Gateway, a route of this API"] == (500, "`ThrottlingRateLimit`")
    # Four units a message: two in each of the two steps.
    assert found["DynamoDB, the table or an index when new"][0] == 4000 / 4


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(has_groups: bool) -> None:
    large, small = Campaign(20_000, 3000), Campaign(200, 100, starts_at=5)

    play((large, small), Stack(SendRateLimit="1500"), has_groups=has_groups)

    assert (len(large.waits), len(small.waits)) == (20_000, 200)
    assert min(large.waits + small.waits) >= 0
    # One of two queues has half of the rate.
    assert large.came(19_999) + large.waits[-1] == pytest.approx(20_200 / 750, abs=1.5)


def test_the_page_shows_what_the_simulation_gives() -> None:
    assert table(FAIRNESS, fairness(Stack())) in DOCUMENT.read_text("utf-8")


def test_only_what_repeats_fails_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("warm", "warm, as people write it"):
        monkeypatch.setitem(FIGURES, name, {"recorded": 1.0})
    figures = [
        Figure("warm", 1.1),
        Figure("warm", 1.11),
        Figure("warm", 9, repeats=False),
        Figure("warm, as people write it", 9),
        Figure("start of send_sms", 12.6),
        Figure("not recorded", 9),
    ]

    failed = ["warm: 1.11, recorded 1", "start of send_sms: 12.6, to reach 12.5"]
    assert [*failures(figures)] == failed


def test_calls_made_at_once_are_one_round_trip() -> None:
    def trips(*spans: tuple[float, float]) -> Counter[str]:
        return round_trips([Exchange("dynamodb", *span, 0) for span in spans], 0, 10)

    assert trips((0, 1), (1, 2), (2, 3)) == Counter(dynamodb=3)
    assert trips((0, 1), (0.1, 1.1), (1.2, 2.2), (2.3, 3.3)) == Counter(dynamodb=3)
    assert trips((0, 10), (1, 2), (3, 4)) == Counter(dynamodb=2)
    assert trips((-1, 0), (1, 2), (11, 12)) == Counter(dynamodb=1)


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


def test_a_write_costs_by_the_larger_item_and_in_an_index_by_what_changes() -> None:
    def charged(before: Item, after: Item) -> tuple[int, int, int]:
        charges = Charges()
        charges.write(before, after, INDEXED)
        return charges.write_units[""], charges.write_units["open"], charges.stored_bytes

    assert charged({}, CLOSED) == (1, 0, 100 + 8)
    assert charged(CLOSED, CLOSED) == (1, 0, 0)
    assert charged({}, OPEN) == (1, 1, 2 * (100 + 14))
    assert charged(OPEN, CLOSED) == (1, 1, -(100 + 14 + 6))
    assert charged(OPEN, {**OPEN, "text": {"S": "x"}}) == (1, 0, 5)
    assert charged(OPEN, {**OPEN, "shard": {"S": "4"}}) == (1, 2, 0)
    assert charged({**OPEN, "text": {"S": "x" * 1024}}, OPEN) == (2, 0, -1028)


def test_an_eventually_consistent_read_costs_half() -> None:
    charges = Charges()

    charges.read({"text": {"S": "é" * 2047}}, consistent=True)
    charges.read({}, consistent=False)

    assert charges.read_units == 2.5
