"""The bill, against sums done by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.bill import (
    LOOK_UPS,
    Assumptions,
    billed_seconds,
    million,
    month,
    own_seconds,
)
from bench.capacity import limits
from bench.scenario import Life, Usage
from bench.template import Stack

SEND = Usage(
    messages=20,
    invocations=20,
    calls={"dynamodb": 40, "8x8": 20},
    waits={"dynamodb": 2, "8x8": 1},
    write_units={"": 40, "open": 20, "recipient": 20, "campaign": 20},
    read_units=20,
    items_written=40,
    log_bytes=20_000,
    log_lines=20,
    sent_bytes=10_000,
    cpu=0.001,
    start_cpu=0.2,
    metrics=frozenset({"Sent[]", "Accepted[]"}),
)
REPORT = replace(SEND, invocations=4, waits={"dynamodb": 2, "moengage": 1})
RUN = Usage(messages=3, invocations=3, waits={"dynamodb": 4}, read_units=24)


def test_a_million_messages_cost_what_the_list_says() -> None:
    costs = million(Life({"send_sms": SEND}), Assumptions())

    assert costs["API Gateway"] == pytest.approx(1.00)
    assert costs["Lambda: requests"] == pytest.approx(0.20)
    assert costs["DynamoDB: writes"] == pytest.approx(2 * 0.625)
    assert costs["DynamoDB: index of open messages"] == pytest.approx(0.625)
    assert costs[LOOK_UPS] == pytest.approx(2 * 0.625)
    assert costs["DynamoDB: reads"] == pytest.approx(0.125)
    assert costs["CloudWatch Logs"] == pytest.approx(1e6 * 1026 / 1024**3 * 0.50)
    # 150 ms for 8x8, 10 for DynamoDB, and 1 ms of CPU at 512/1769 of a processor.
    assert costs["Lambda: duration"] == pytest.approx(1e6 * 0.164 * 0.5 * 0.0000133334)
    assert "X-Ray" not in costs


@pytest.mark.parametrize(("batch", "requests"), [(10, 2), (11, 4)])
def test_records_of_a_queue_are_received_and_deleted_by_tens(batch: int, requests: int) -> None:
    usage = replace(REPORT, messages=batch, invocations=1)

    costs = million(Life({"forward_outcome": usage}), Assumptions())

    assert costs["SQS: receiving and deleting"] == pytest.approx(requests / batch * 0.40)
    assert "API Gateway" not in costs


def test_a_batch_shares_its_request_and_its_calls_of_sqs() -> None:
    batch = replace(SEND, messages=2000, calls={"sqs": 200}, waits={"dynamodb": 2, "sqs": 2})
    dispatches = replace(REPORT, messages=200, invocations=2)

    costs = million(Life({"send_sms": batch, "dispatch_queue": dispatches}), Assumptions())

    assert costs["API Gateway"] == pytest.approx(0.01)
    assert costs["Lambda: requests"] == pytest.approx(0.002 + 0.002)
    assert costs["SQS: sending"] == pytest.approx(0.04)
    # 20 requests receive and delete a hundred, and ten send them.
    assert costs["SQS: fair queues"] == pytest.approx((0.2 + 0.1) * 0.10)


def test_waiting_is_billed_and_computing_takes_longer_with_little_memory() -> None:
    assert billed_seconds(SEND, Assumptions(memory_mb=1769)) == pytest.approx(0.161)
    assert billed_seconds(SEND, Assumptions(memory_mb=128)) == pytest.approx(0.174)
    assert own_seconds(0.001, 10_240) == 0.001


def test_a_paced_function_is_billed_for_its_pace() -> None:
    batch = replace(SEND, messages=100, invocations=1)

    assert billed_seconds(batch, Assumptions(pace=0.02), paced=True) == pytest.approx(2.0)
    assert billed_seconds(batch, Assumptions(pace=0.02)) < 0.2


# -------------------------------------------------------------------------------------- the month
TEMPLATE = """
Parameters:
  Monitoring: {Default: basic}
  ThrottlingRateLimit: {Default: 1000}
  DispatchConcurrency: {Default: 5}
Conditions:
  IsFull: !Equals [!Ref Monitoring, full]
Globals: {Function: {MemorySize: 512}}
Resources:
  Secret: {Type: AWS::SecretsManager::Secret}
  Reconcile:
    Type: AWS::Serverless::Function
    Properties:
      Events: {Run: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}}
  DispatchQueue:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Sends: {Type: SQS, Properties: {BatchSize: 100, ScalingConfig: {MaximumConcurrency: 5}}}
  ForwardOutcome:
    Type: AWS::Serverless::Function
    Properties:
      Events: {Outcomes: {Type: SQS, Properties: {BatchSize: 10}}}
  Nested:
    Type: AWS::Serverless::Application
    Properties: {Location: watch.yaml, Parameters: {Monitoring: !Ref Monitoring, Api: !Ref Api}}
"""
WATCH = """
Parameters: {Monitoring: {Type: String}, Api: {Type: String}}
Conditions:
  IsFull: !Equals [!Ref Monitoring, full]
  IsWatched: !Or [!Condition IsFull, !Not [!Equals [!Ref Monitoring, "off"]]]
Resources:
  One:
    Type: AWS::CloudWatch::Alarm
    Condition: IsWatched
    Properties: {MetricName: Sent, Period: 300}
  Ratio:
    Type: AWS::CloudWatch::Alarm
    Condition: IsFull
    Properties:
      Metrics:
        - {Id: a, MetricStat: {Period: 60}, Period: 60}
        - {Id: b, MetricStat: {Period: 10}, Period: 10}
        - {Id: c, Expression: a / b}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "watch.yaml").write_text(WATCH)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


def bill(template: Path, messages: int, monitoring: str = "basic") -> dict[str, float]:
    stack = Stack(template, {"Monitoring": monitoring})
    return month(stack, messages, Life({"send_sms": SEND}), RUN, Assumptions())


def test_an_idle_month_costs_what_the_template_makes(template: Path) -> None:
    idle = bill(template, 0)

    assert idle["Secret"] == 0.40
    assert idle["Alarms"] == pytest.approx(0.10)
    # Five pollers of a queue with a limit, two of one without, three times a minute.
    assert idle["Polling of the queues"] == pytest.approx(7 * 3 * 1440 * 30 * 0.40e-6)
    # 8,640 runs that read 8 units and wait 20 ms.
    runs = 8640 * (0.20e-6 + 8 * 0.125e-6 + 0.02 * 0.5 * 0.0000133334)
    assert idle["Runs of reconcile"] == pytest.approx(runs)
    assert idle["Custom metrics"] == idle["Messages"] == idle["New environments"] == 0


def test_alarms_are_billed_by_the_metrics_in_them(template: Path) -> None:
    assert bill(template, 0, "full")["Alarms"] == pytest.approx(0.10 + 0.10 + 0.30)
    assert bill(template, 0, "off")["Alarms"] == 0


def test_messages_bring_custom_metrics_and_new_environments(template: Path) -> None:
    few, many = bill(template, 1000), bill(template, 1_000_000)

    assert few["Custom metrics"] == many["Custom metrics"] == pytest.approx(0.60)
    # Each of a thousand finds an environment of its own; a million share six an hour.
    start = 0.2 * 0.5 * 0.0000133334 + 0.05 / 10_000
    assert few["New environments"] == pytest.approx(1000 * start)
    assert many["New environments"] == pytest.approx(30 * 24 * 6 * start)
    assert many["Messages"] == pytest.approx(1000 * few["Messages"])


def test_the_bridge_has_nothing_that_costs_by_the_month_and_is_not_in_the_bill() -> None:
    stack = Stack(given={"Monitoring": "full"})
    templates = [one.evaluated.template.resources for one in (stack, *stack.nested)]
    made = [resource for resources in templates for resource in resources.values()]
    types = [resource["Type"].removeprefix("AWS::") for resource in made]

    assert not {"KMS::Key", "CloudWatch::CompositeAlarm", "EC2::VPCEndpoint"} & set(types)
    assert types.count("CloudWatch::Dashboard") <= 3
    # A filter with a default value would publish in each minute.
    assert "DefaultValue" not in str(made)


def test_the_lowest_limit_comes_first(template: Path) -> None:
    steps = {"send_sms": SEND, "forward_outcome": REPORT}

    found = limits(Life(steps), Stack(template), Assumptions())

    assert found[0] == ("API Gateway, a route of this API", 500, "`ThrottlingRateLimit`")
    rates = {name: rate for name, rate, _ in found}
    # Four units a message: two in each of the two steps; two of the index.
    assert rates["DynamoDB, the table or an index when new"] == 4000 / 4
    assert rates["DynamoDB, the shards of an index"] == 16_000 / 2
    assert rates["8x8, single sends"] == 1800
