"""What is drawn of a widget is what CloudWatch would make of the same log lines."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.dashboard import metric_lines, points_of, series_of
from sms_bridge.observability import Metric, measured


def line_of(values: Mapping[Metric, float], at: float, **keys: str) -> str:
    line = {"service": "bridge-under-test", **keys, **measured(values, at)}
    return json.dumps({**line, "_aws": json.loads(line["_aws"])})


def widget_of(*metrics: list[Any], stat: str = "Sum") -> dict[str, Any]:
    return {"properties": {"stat": stat, "metrics": list(metrics)}}


def test_a_sum_is_of_one_period_and_one_stack() -> None:
    points = points_of(
        [
            line_of({Metric.ACCEPTED: 1}, 120),
            line_of({Metric.ACCEPTED: 1}, 179.9),
            line_of({Metric.ACCEPTED: 1}, 180),
            line_of({Metric.ACCEPTED: 1}, 180).replace("under-test", "of-others"),
            "END RequestId: 1",
        ]
    )
    widget = widget_of(["SmsBridge", "Accepted", "service", "bridge-under-test"])

    [series] = series_of(widget, points, period=60, begin=120)
    assert series.values == {120: 2, 180: 1}


def test_a_search_finds_each_value_of_its_dimension() -> None:
    points = points_of(
        [
            line_of({Metric.REJECTED: 1}, 1, reason="expired"),
            line_of({Metric.REJECTED: 1}, 2, reason="opted_out"),
            line_of({Metric.REJECTED: 1}, 3, reason="expired"),
            line_of({Metric.AMBIGUOUS: 1}, 3, reason="eightx8_timeout"),
        ]
    )
    search = (
        'SEARCH(\'{SmsBridge,service,reason} MetricName="Rejected"'
        " service=\"bridge-under-test\"', 'Sum')"
    )
    widget = widget_of([{"expression": search, "label": "why: ${PROP('Dim.reason')}"}])

    found = series_of(widget, points, period=60, begin=0)
    assert [(one.line.label, one.values) for one in found] == [
        ("why: expired", {0: 2}),
        ("why: opted_out", {0: 1}),
    ]


def test_the_total_counts_a_split_metric_once() -> None:
    lines = [line_of({Metric.REFUSED: 1}, 1, code="unauthorized")]
    widget = widget_of(["SmsBridge", "RequestsRefused", "service", "bridge-under-test"])

    [series] = series_of(widget, points_of(lines), period=60, begin=0)
    assert series.values == {0: 1}


@pytest.mark.parametrize(
    ("stat", "value"),
    [("p50", 50), ("p90", 90), ("p99", 99), ("Maximum", 100), ("Average", 50.5)],
)
def test_statistics(stat: str, value: float) -> None:
    lines = [line_of({Metric.SECONDS_TO_REPORTED: one}, 1) for one in range(100, 0, -1)]
    widget = widget_of(["SmsBridge", "DueToReported", "service", "bridge-under-test"], stat=stat)

    [series] = series_of(widget, points_of(lines), period=60, begin=0)
    assert series.values == {0: value}


def test_dots_stand_for_what_was_before() -> None:
    widget = widget_of(
        ["AWS/SQS", "Age", "QueueName", "one"], ["...", "two"], [".", "Number", ".", "."]
    )

    assert [(one.title, one.dimensions) for one in metric_lines(widget)] == [
        ("Age", {"QueueName": "one"}),
        ("Age", {"QueueName": "two"}),
        ("Number", {"QueueName": "two"}),
    ]


def test_an_expression_of_another_form_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="not a search"):
        metric_lines(widget_of([{"expression": "m1 / m2"}]))
