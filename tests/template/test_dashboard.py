"""Dashboard, alarms, saved queries and runbook: against the code, and against each other."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from local.dashboard import MetricLine, dashboard_body, metric_lines
from sms_bridge.observability import NAMESPACE, SERVICE, Metric
from tests.template.conftest import PROJECT, Template, read_template

TEMPLATE = read_template()
BODY = dashboard_body(TEMPLATE.content, {"AWS::StackName": "bridge-under-test"})
WIDGETS: list[dict[str, Any]] = BODY["widgets"]
METRIC_LINES = [line for one in WIDGETS if one["type"] == "metric" for line in metric_lines(one)]
RUNBOOK = (PROJECT / "docs/runbook.md").read_text("utf-8")
METRICS = {metric.title: metric for metric in Metric}
ALARMS = TEMPLATE.of_type("AWS::CloudWatch::Alarm")
QUERIES = TEMPLATE.of_type("AWS::Logs::QueryDefinition")

# By namespace: the services' documentation.
AWS_METRICS = {
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency", "IntegrationLatency"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents"},
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "ConcurrentExecutions"},
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateAgeOfOldestMessage",
    },
    # Made of log lines by the template's own filters.
    "SmsBridge/Logs": {
        made["MetricName"]
        for one in TEMPLATE.of_type("AWS::Logs::MetricFilter").values()
        for made in one["MetricTransformations"]
    },
}
WATCHED_TYPES = {
    "ApiId": "AWS::Serverless::HttpApi",
    "FunctionName": "AWS::Serverless::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}

CODE = "\n".join(
    path.read_text("utf-8") for path in sorted(PROJECT.glob("layers/sms_bridge/**/*.py"))
)

# Written by Powertools' logger into every line, and by Logs Insights.
EVERY_LINE = {"message", "level", "service", "timestamp", "location", "@timestamp", "@log"}


def literal(value: Any) -> str:
    """Return a dimension's value by the name of the resource it refers to."""
    if not isinstance(value, dict):
        return str(value)
    [[kind, target]] = value.items()
    return str(target[0] if kind == "Fn::GetAtt" else target)


def alarm_lines(alarm: dict[str, Any]) -> Iterator[MetricLine]:
    """Return what an alarm watches."""
    watched = [one["MetricStat"] for one in alarm.get("Metrics", ()) if "MetricStat" in one]
    if not watched:
        watched = [
            {"Metric": alarm, "Stat": alarm.get("Statistic", alarm.get("ExtendedStatistic"))}
        ]
    for one in watched:
        yield MetricLine(
            namespace=one["Metric"]["Namespace"],
            title=one["Metric"]["MetricName"],
            dimensions={
                pair["Name"]: literal(pair["Value"]) for pair in one["Metric"]["Dimensions"]
            },
            stat=one["Stat"],
        )


@cache
def log_keys() -> set[str]:
    """Return the keys of all log lines: what the code hands to its logger, and its metrics."""
    keys = {metric.title for metric in Metric}
    for path in (*PROJECT.glob("layers/sms_bridge/**/*.py"), *PROJECT.glob("functions/*/app.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.match(r"(logger\.|log\b|log_)", ast.unparse(node)):
                keys |= {keyword.arg for keyword in node.keywords if keyword.arg}
            if isinstance(node, ast.Dict) and path.name in ("log_lines.py", "observability.py"):
                keys |= {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
    return keys


def fields_of(query: str) -> set[str]:
    """Return the fields that a query reads."""
    without_text = re.sub(r"'[^']*'", "", query)
    without_aliases = re.sub(r"\bas (\w+)", "", without_text)
    aliases = set(re.findall(r"\bas (\w+)", without_text))
    words = set(re.findall(r"@?\b[A-Za-z]\w*(?:\.\d+)?", without_aliases))
    grammar = {"fields", "filter", "sort", "limit", "stats", "by", "asc", "desc", "or", "in"}
    functions = {"count", "count_distinct", "latest", "ispresent", "SOURCE"}
    return {word.split(".")[0] for word in words} - grammar - functions - aliases


def widget_queries() -> list[str]:
    return [one["properties"]["query"] for one in WIDGETS if one["type"] == "log"]


class TestMetrics:
    def test_every_metric_is_emitted(self) -> None:
        assert set(re.findall(r"\bMetric\.([A-Z_]+)\b", CODE)) == {one.name for one in Metric}

    def test_every_metric_is_on_the_dashboard(self) -> None:
        shown = {line.title for line in METRIC_LINES if line.namespace == NAMESPACE}

        assert shown == set(METRICS)

    def test_every_metric_that_is_split_is_shown_split(self) -> None:
        shown = {(line.title, line.split_by) for line in METRIC_LINES if line.split_by}

        assert {(one.title, one.split_by) for one in Metric if one.split_by} <= shown

    @pytest.mark.parametrize(
        "line",
        [*METRIC_LINES, *(line for alarm in ALARMS.values() for line in alarm_lines(alarm))],
        ids=lambda line: f"{line.title}-{line.label}",
    )
    def test_each_that_is_shown_or_watched_is_emitted(
        self, line: MetricLine, template: Template
    ) -> None:
        if line.namespace == NAMESPACE:
            metric = METRICS[line.title]
            assert line.dimensions[SERVICE] in ("bridge-under-test", "AWS::StackName")
            others = {*line.dimensions, line.split_by} - {SERVICE, ""}
            assert others <= {metric.split_by}
            # The sum of two currencies is no amount.
            assert others or metric is not Metric.COST
        else:
            assert line.title in AWS_METRICS[line.namespace]
            for name, value in line.dimensions.items():
                if name in ("service", "ExecutedVersion"):
                    assert value in ("AWS::StackName", line.dimensions.get("FunctionName"))
                elif name == "Resource":
                    assert value == f"${{{line.dimensions['FunctionName']}}}:live"
                elif name == "GlobalSecondaryIndexName":
                    indexes = template.resources["MessagesTable"]["Properties"]
                    names = {one["IndexName"] for one in indexes["GlobalSecondaryIndexes"]}
                    assert value in names
                else:
                    resource = template.resources[value.split(".")[0]]
                    assert resource["Type"] == WATCHED_TYPES[name]

    def test_values_of_dimensions_that_alarms_name_are_the_codes(self) -> None:
        for alarm in ALARMS.values():
            for line in alarm_lines(alarm):
                for name, value in line.dimensions.items():
                    if line.namespace == NAMESPACE and name != SERVICE:
                        assert f'"{value}"' in CODE, value

    def test_each_index_and_queue_and_function_is_watched(self, template: Template) -> None:
        shown = {value.split(".")[0] for line in METRIC_LINES for value in line.dimensions.values()}

        indexes = template.resources["MessagesTable"]["Properties"]["GlobalSecondaryIndexes"]
        assert {one["IndexName"] for one in indexes} <= shown
        assert set(template.of_type("AWS::SQS::Queue")) <= shown
        assert set(template.functions) <= shown


class TestWidgets:
    def test_they_do_not_overlap_and_leave_no_gap_between_rows(self) -> None:
        cells = [
            {
                (column, row)
                for column in range(one["x"], one["x"] + one["width"])
                for row in range(one["y"], one["y"] + one["height"])
            }
            for one in WIDGETS
        ]

        for one, other in combinations(cells, 2):
            assert not one & other
        covered = set().union(*cells)
        assert {column for column, _ in covered} == set(range(24))
        assert {row for _, row in covered} == set(range(max(row for _, row in covered) + 1))

    def test_the_first_row_is_health_and_the_funnel(self) -> None:
        first = [one for one in WIDGETS if one["y"] == 2]
        funnel = [line.title for line in metric_lines(first[1])]

        assert [one["type"] for one in first] == ["alarm", "metric", "metric"]
        assert funnel == ["Accepted", "Sent", "Outcomes", "OutcomesForwarded"]

    def test_names_that_are_put_in_exist(self, template: Template) -> None:
        text = template.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        names = {name.split(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", text)}

        pseudo = {name for name in names if name.startswith("AWS::")}
        assert names - pseudo <= {*template.resources, *template.parameters}

    def test_all_alarms_are_shown(self) -> None:
        [widget] = [one for one in WIDGETS if one["type"] == "alarm"]
        shown = [arn.rpartition(":alarm:")[2] for arn in widget["properties"]["alarms"]]

        names = [alarm["AlarmName"]["Fn::Sub"] for alarm in ALARMS.values()]
        assert sorted(shown) == sorted(
            name.replace("${AWS::StackName}", "bridge-under-test") for name in names
        )

    def test_the_field_at_the_top_is_used(self) -> None:
        [variable] = BODY["variables"]

        assert any(variable["pattern"] in query for query in widget_queries())


class TestAlarms:
    @pytest.mark.parametrize("name", sorted(ALARMS))
    def test_says_what_it_means_and_links_its_entry(self, name: str) -> None:
        alarm = ALARMS[name]
        meaning, _, link = alarm["AlarmDescription"]["Fn::Sub"].rpartition(" ")
        anchor = alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")

        assert re.fullmatch(r"[A-Z0-9].{20,}\.", meaning)
        assert link == f"${{RunbookUrl}}#{anchor}"

    @pytest.mark.parametrize("name", sorted(ALARMS))
    def test_rings_the_topic_and_treats_missing_data_as_good(self, name: str) -> None:
        alarm = ALARMS[name]
        topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}

        assert alarm["AlarmActions"] == alarm["OKActions"] == topic
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]

    @pytest.mark.parametrize("name", [one for one in sorted(ALARMS) if "Metrics" in ALARMS[one]])
    def test_its_expression_names_its_metrics(self, name: str, template: Template) -> None:
        [watched, *metrics] = ALARMS[name]["Metrics"]
        ids = {one["Id"] for one in metrics}
        expression = watched["Expression"]

        prefixes = re.findall(r'METRICS\("(\w+)"\)', expression)
        named = set(re.findall(r"\b[a-z]\w+\b", re.sub(r'"\w+"', "", expression)))
        by_prefix = {one for one in ids for prefix in prefixes if one.startswith(prefix)}
        assert ids == (ids if "METRICS()" in expression else named | by_prefix)
        assert all(one["ReturnData"] is False for one in metrics)
        assert template.resources[name]["Condition"] == "IsOnAws"

    def test_every_dead_letter_queue_has_one(self, template: Template) -> None:
        queues = {name for name in template.of_type("AWS::SQS::Queue") if "DeadLetter" in name}
        watched = {
            line.dimensions["QueueName"]
            for alarm in ALARMS.values()
            for line in alarm_lines(alarm)
            if line.title == "ApproximateNumberOfMessagesVisible"
        }

        assert watched == queues


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [*(one["QueryString"] for one in QUERIES.values()), *widget_queries()],
        ids=[*QUERIES, *(one["properties"]["title"] for one in WIDGETS if one["type"] == "log")],
    )
    def test_reads_fields_that_the_lines_have(self, query: str, template: Template) -> None:
        api = template.resources["HttpApi"]["Properties"]["AccessLogSettings"]["Format"]

        fields = fields_of(query)
        assert fields
        assert fields <= log_keys() | EVERY_LINE | json.loads(api).keys()

    @pytest.mark.parametrize(
        "query", [*(one["QueryString"] for one in QUERIES.values()), *widget_queries()]
    )
    def test_looks_for_messages_that_the_code_logs(self, query: str) -> None:
        for filters in re.findall(r"\bmessage (?:= |in \[)((?:'[^']+'(?:, )?)+)", query):
            for text in re.findall(r"'([^']+)'", filters):
                assert f'"{text}"' in CODE, text

    def test_log_groups_exist(self, template: Template) -> None:
        groups = set(template.of_type("AWS::Logs::LogGroup"))

        for query in QUERIES.values():
            assert {one["Ref"] for one in query["LogGroupNames"]} <= groups
        for text in widget_queries():
            assert set(re.findall(r"SOURCE '(\w+)'", text)) <= groups

    def test_they_are_made_only_where_they_are_known(self, template: Template) -> None:
        for name in QUERIES:
            assert template.resources[name]["Condition"] == "IsOnAws"


class TestRunbook:
    def test_each_alarm_has_an_entry_and_each_entry_an_alarm(self) -> None:
        entries = re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE)
        names = [alarm["AlarmName"]["Fn::Sub"] for alarm in ALARMS.values()]

        assert sorted(entries) == sorted(name.removeprefix("${AWS::StackName}-") for name in names)

    def test_each_entry_says_what_it_means_how_to_look_and_what_to_do(self) -> None:
        for entry in RUNBOOK.split("\n### ")[1:]:
            assert re.findall(r"^\*\*(\w[\w ]*):\*\*", entry, re.MULTILINE) == [
                "It means",
                "Look",
                "Do",
            ], entry.partition("\n")[0]

    def test_links_lead_somewhere(self) -> None:
        headings = re.findall(r"^##+ (.+)$", RUNBOOK, re.MULTILINE)
        anchors = {heading.lower().replace(" ", "-") for heading in headings}

        assert set(re.findall(r"\(#([\w-]+)\)", RUNBOOK)) <= anchors

    def test_parameters_and_outputs_that_it_names_exist(self, template: Template) -> None:
        named = set(re.findall(r"`((?:[A-Z][a-z0-9]+){2,})`", RUNBOOK))

        assert named <= {
            *template.parameters,
            *template.content["Outputs"],
            *template.of_type("AWS::SQS::Queue"),
        }

    def test_widgets_and_saved_queries_that_it_names_exist(self) -> None:
        queries = {one["Name"]["Fn::Sub"].partition("/")[2] for one in QUERIES.values()}
        named = re.findall(r"[Ss]aved\s+query\s+\*([^*]+)\*", RUNBOOK)

        assert named
        assert {" ".join(name.split()) for name in named} <= queries

    def test_commands_that_it_names_exist(self) -> None:
        app = (PROJECT / "bridge/app.py").read_text("utf-8")

        for command in re.findall(r"(?:`|\$ )bridge ([a-z-]+)", RUNBOOK):
            assert command.replace("-", "_") in app, command
