"""The template's dashboard: what its widgets ask for, and what they show of given log lines.

Log lines carry metrics in CloudWatch's embedded metric format. They are put together here as
CloudWatch does it: by period, for each set of dimensions that a line names.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_NAME = re.compile(r"\$\{(!?)([^}]+)\}")
_SEARCH = re.compile(r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\" (\w+)=\"([^\"]+)\"', '(\w+)'\)")

Widget = Mapping[str, Any]
Dimensions = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLine:
    """What one entry of a widget's ``metrics`` asks for.

    Attributes
    ----------
    split_by
        The dimension whose every value is a line of its own, for a search expression.
    """

    namespace: str
    title: str
    dimensions: Dimensions
    stat: str
    split_by: str = ""
    label: str = ""
    color: str = ""
    on_the_right: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A measured value, as a log line tells it."""

    at: float
    namespace: str
    title: str
    dimensions: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a graph: a value for each period that has one, by the period's beginning."""

    line: MetricLine
    values: Mapping[float, float] = field(default_factory=dict)


# -------------------------------------------------------------------------------------- definition
def dashboard_body(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return the dashboard's body as CloudFormation would make it.

    Parameters
    ----------
    template
        The template's content.
    values
        What stands for the names in it; a name that is not among them stands for itself.
    """

    def put_in(name: re.Match[str]) -> str:
        is_literal, text = name.groups()
        return f"${{{text}}}" if is_literal else values.get(text, text)

    text = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body: dict[str, Any] = json.loads(_NAME.sub(put_in, text))
    return body


def metric_lines(widget: Widget) -> list[MetricLine]:
    """Return what a metric widget asks for, with ``.`` and ``...`` written out.

    Raises
    ------
    ValueError
        It has an expression that is not a search of the one form that the dashboard uses.
    """
    properties = widget["properties"]
    lines: list[MetricLine] = []
    before: list[str] = []
    for entry in properties["metrics"]:
        options = entry[-1] if isinstance(entry[-1], dict) else {}
        words = [word for word in entry if not isinstance(word, dict)]
        if words:
            before = _written_out(words, before)
            line = MetricLine(
                namespace=before[0],
                title=before[1],
                dimensions=dict(zip(before[2::2], before[3::2], strict=True)),
                stat=options.get("stat", properties.get("stat", "Average")),
            )
        else:
            line = _search(options["expression"])
        lines.append(
            replace(
                line,
                label=options.get("label", line.title),
                color=options.get("color", ""),
                on_the_right=options.get("yAxis") == "right",
            )
        )
    return lines


def _written_out(words: Sequence[str], before: Sequence[str]) -> list[str]:
    if words[0] == "...":
        kept = len(before) - (len(words) - 1)
        return [*before[:kept], *words[1:]]
    return [before[at] if word == "." else word for at, word in enumerate(words)]


def _search(expression: str) -> MetricLine:
    found = _SEARCH.fullmatch(expression)
    if found is None:
        raise ValueError(f"not a search for one metric of one stack: {expression}")
    schema, title, dimension, value, stat = found.groups()
    namespace, *dimensions = schema.split(",")
    [split_by] = [name for name in dimensions if name != dimension]
    return MetricLine(
        namespace=namespace,
        title=title,
        dimensions={dimension: value},
        stat=stat,
        split_by=split_by,
    )


# -------------------------------------------------------------------------------------- evaluation
def points_of(lines: Iterable[str]) -> list[Point]:
    """Return every metric that log lines carry, once for each set of its dimensions."""
    points = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # The platform's own: START, END, REPORT.
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, str(record[name])) for name in names))
                for metric in directive["Metrics"]:
                    points.append(
                        Point(
                            record["_aws"]["Timestamp"] / 1000,
                            directive["Namespace"],
                            metric["Name"],
                            dimensions,
                            float(record[metric["Name"]]),
                        )
                    )
    return points


def series_of(
    widget: Widget, points: Iterable[Point], *, period: float, begin: float
) -> list[Series]:
    """Return the lines of a metric widget, a search as many as it finds.

    Parameters
    ----------
    period
        Seconds, in place of the widget's own.
    begin
        When the first period begins.
    """
    by_metric: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Point]] = defaultdict(list)
    for point in points:
        by_metric[point.namespace, point.title, point.dimensions].append(point)
    series = []
    for line in metric_lines(widget):
        for one in _found(line, by_metric):
            key = one.namespace, one.title, tuple(sorted(one.dimensions.items()))
            values: dict[float, list[float]] = defaultdict(list)
            for point in by_metric.get(key, ()):
                values[begin + (point.at - begin) // period * period].append(point.value)
            series.append(
                Series(one, {at: statistic(one.stat, values[at]) for at in sorted(values)})
            )
    return series


def _found(
    line: MetricLine, metrics: Iterable[tuple[str, str, tuple[tuple[str, str], ...]]]
) -> list[MetricLine]:
    """Return a line for each metric that a search finds, in the order of their names."""
    if not line.split_by:
        return [line]
    found = []
    for namespace, title, pairs in sorted(metrics):
        dimensions = dict(pairs)
        if (
            (namespace, title) == (line.namespace, line.title)
            and dimensions.keys() == {*line.dimensions, line.split_by}
            and line.dimensions.items() <= dimensions.items()
        ):
            label = line.label.replace(
                f"${{PROP('Dim.{line.split_by}')}}", dimensions[line.split_by]
            )
            found.append(replace(line, dimensions=dimensions, split_by="", label=label))
    return found


def statistic(stat: str, values: Sequence[float]) -> float:
    """Return a CloudWatch statistic of some values, at least one.

    Raises
    ------
    ValueError
        The statistic is none that the dashboard uses.
    """
    match stat:
        case "Sum":
            return sum(values)
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return max(values)
    if not re.fullmatch(r"p\d{1,2}", stat):
        raise ValueError(f"unknown statistic {stat}")
    return sorted(values)[max(0, math.ceil(int(stat[1:]) / 100 * len(values)) - 1)]
