"""Alarms, dashboard, metric filters, saved queries and runbook: against the code and each other."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from scripts import alarm_tables
from sms_bridge.observability import Metric
from tests.template.conftest import PROJECT, read_template
from tests.template.evaluated import Evaluated

BRIDGE = read_template()
TEMPLATE = read_template("observability.yaml")
ALARMS = TEMPLATE.of_type("AWS::CloudWatch::Alarm")
QUERIES = TEMPLATE.of_type("AWS::Logs::QueryDefinition")
RUNBOOK = (PROJECT / "docs/runbook.md").read_text("utf-8")
NAMESPACE = "SmsBridge"
OF_FILTERS = "SmsBridge/sms-bridge"

# By namespace: the services' documentation.
AWS_METRICS = {
    "AWS/ApiGateway": {"Count", "4xx", "5xx"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents"},
    "AWS/Lambda": {"Throttles", "Invocations"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
}
WATCHED_TYPES = {
    "ApiId": "AWS::Serverless::HttpApi",
    "FunctionName": "AWS::Serverless::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}
BASIC = (
    "8x8-unauthorized",
    "8x8-unavailable",
    "messages-expired",
    "receipts-stopped",
    "api-5xx",
    "requests-refused",
    "outcome-dead-letters",
    "bridge-failures",
)

CODE = "\n".join(
    path.read_text("utf-8") for path in sorted(PROJECT.glob("layers/sms_bridge/**/*.py"))
)

# Written by Powertools' logger into every line, and by Logs Insights.
EVERY_LINE = {"message", "level", "service", "timestamp", "location", "@timestamp", "@log"}

type Series = tuple[str, str, Mapping[str, str]]
"""A metric: its namespace, name and dimensions."""


def watching(monitoring: str, **given: str) -> Evaluated:
    """Return the nested stack as the bridge's own template makes it."""
    bridge = Evaluated(BRIDGE, {"Monitoring": monitoring} | given)
    nested = bridge.resources["Observability"]["Parameters"]
    return Evaluated(TEMPLATE, {**nested, "BridgeName": "sms-bridge"})


def alarms_of(monitoring: str, **given: str) -> dict[str, dict[str, Any]]:
    """Return the alarms that there are, by their names without the stack's."""
    return {
        one["AlarmName"].removeprefix("sms-bridge-"): one
        for one in watching(monitoring, **given).resources.values()
        if "AlarmName" in one
    }


def series_of_alarm(alarm: Mapping[str, Any]) -> list[Series]:
    """Return what an alarm watches."""
    metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", [])[1:]] or [alarm]
    return [
        (
            one["Namespace"],
            one["MetricName"],
            {pair["Name"]: pair["Value"] for pair in one.get("Dimensions", [])},
        )
        for one in metrics
    ]


def dashboard(monitoring: str, **given: str) -> list[dict[str, Any]]:
    """Return the dashboard's widgets."""
    body = watching(monitoring, **given).resources["Dashboard"]["DashboardBody"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def searches_of(widget: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the metrics that a widget looks for, and the key that each is split by."""
    for text in re.findall(r'"SEARCH\(.*?\)"', json.dumps(widget["properties"].get("metrics", []))):
        searched = re.fullmatch(
            r"SEARCH\('\{SmsBridge,service,(\w+)\} MetricName=\"(\w+)\" "
            r"service=\"sms-bridge\"', 'Sum'\)",
            json.loads(text),
        )
        assert searched, text
        yield searched[2], searched[1]


def series_of_widget(widget: Mapping[str, Any]) -> Iterator[Series]:
    """Return the metrics that a widget names, with CloudWatch's shorthand written out."""
    before: list[str] = []
    for row in widget["properties"].get("metrics", []):
        words = [one for one in row if isinstance(one, str)]
        if not words:
            continue
        if words[0] == "...":
            words = before[: len(before) - len(words) + 1] + words[1:]
        words = [before[at] if word == "." else word for at, word in enumerate(words)]
        before = words
        yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


@cache
def log_keys() -> set[str]:
    """Return the keys of all log lines: what the code hands to its logger, and its metrics."""
    keys = {metric.title for metric in Metric}
    for path in (*PROJECT.glob("layers/sms_bridge/**/*.py"), *PROJECT.glob("functions/*/app.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.match(r"(logger\.|log\b|log_)", ast.unparse(node)):
                keys |= {keyword.arg for keyword in node.keywords if keyword.arg}
            if isinstance(node, ast.Dict) and path.name in ("steps.py", "observability.py"):
                keys |= {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
    return keys


def fields_of(query: str) -> set[str]:
    """Return the fields that a query reads."""
    without_text = re.sub(r"'[^']*'", "", query)
    without_aliases = re.sub(r"\bas (\w+)", "", without_text)
    aliases = set(re.findall(r"\bas (\w+)", without_text))
    words = set(re.findall(r"@?\b[A-Za-z]\w*(?:\.\d+)?", without_aliases))
    grammar = {"fields", "filter", "sort", "limit", "stats", "by", "asc", "desc", "or", "in", "and"}
    functions = {"count", "count_distinct", "sum", "latest", "ispresent", "pct", "bin"}
    return {word.split(".")[0] for word in words} - grammar - functions - aliases


ALL_SERIES = [
    *(one for alarm in alarms_of("full").values() for one in series_of_alarm(alarm)),
    *(one for widget in dashboard("full") for one in series_of_widget(widget)),
]


class TestMetrics:
    @pytest.mark.parametrize("series", ALL_SERIES, ids=lambda one: "-".join(one[:2]))
    def test_each_that_is_watched_or_shown_exists(self, series: Series) -> None:
        namespace, name, dimensions = series
        if namespace == OF_FILTERS:
            filters = TEMPLATE.of_type("AWS::Logs::MetricFilter").values()
            made = {one["MetricTransformations"][0]["MetricName"] for one in filters}
            assert name in made
            assert not dimensions
        elif namespace == NAMESPACE:
            assert name in {metric.title for metric in Metric}
            assert dimensions["service"] == "sms-bridge"
        else:
            assert name in AWS_METRICS[namespace]
            for key, value in dimensions.items():
                if key == "GlobalSecondaryIndexName":
                    table = BRIDGE.resources["MessagesTable"]["Properties"]
                    indexes = table["GlobalSecondaryIndexes"]
                    assert value in {one["IndexName"] for one in indexes}
                else:
                    resource = BRIDGE.resources[value.strip("<>").split(".")[0]]
                    assert resource["Type"] == WATCHED_TYPES[key]

    def test_each_that_the_code_emits_is_watched_or_shown(self) -> None:
        searched = {name for one in dashboard("full") for name, _ in searches_of(one)}

        assert {metric.title for metric in Metric} == searched | {
            name for namespace, name, _ in ALL_SERIES if namespace == NAMESPACE
        }

    def test_searches_and_dimensions_are_those_that_metrics_are_split_by(self) -> None:
        split = {metric.title: metric.split_by for metric in Metric if metric.split_by}
        searched = {pair for one in dashboard("full") for pair in searches_of(one)}
        named = {
            (name, key)
            for namespace, name, dimensions in ALL_SERIES
            if namespace == NAMESPACE
            for key in dimensions
            if key != "service"
        }

        assert {*searched, *named} == set(split.items())

    def test_basic_watches_only_what_basic_publishes(self) -> None:
        basic = {metric.title for metric in Metric if metric.is_basic}
        series = [
            *(one for alarm in alarms_of("basic").values() for one in series_of_alarm(alarm)),
            *(one for widget in dashboard("basic") for one in series_of_widget(widget)),
        ]

        assert {name for namespace, name, _ in series if namespace == NAMESPACE} == basic
        # With the one that a filter makes of log lines: the ten that the bill allows.
        assert len(basic) == 9

    def test_each_index_of_the_table_is_watched(self) -> None:
        table = BRIDGE.resources["MessagesTable"]["Properties"]
        watched = {
            dimensions.get("GlobalSecondaryIndexName")
            for _, name, dimensions in series_of_alarm(alarms_of("full")["table-throttles"])
            if name == "WriteThrottleEvents"
        }

        assert watched == {None, *(one["IndexName"] for one in table["GlobalSecondaryIndexes"])}


class TestAlarms:
    @pytest.mark.parametrize(
        ("given", "link"),
        [
            (
                {},
                "https://console.aws.amazon.com/cloudwatch/home?region=eu-central-1"
                "#alarmsV2:?search=sms-bridge-",
            ),
            (
                {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1"},
                "https://console.amazonaws.cn/cloudwatch/home?region=cn-north-1"
                "#alarmsV2:?search=sms-bridge-",
            ),
            (
                {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"},
                "https://console.amazonaws-us-gov.com/cloudwatch/home?region=us-gov-west-1"
                "#alarmsV2:?search=sms-bridge-",
            ),
            ({"RunbookUrl": "https://wiki.example.com/sms"}, "https://wiki.example.com/sms#"),
        ],
        ids=["default", "China", "GovCloud", "runbook"],
    )
    def test_each_says_all_that_is_needed_at_night_and_ends_with_an_address_that_opens(
        self, given: dict[str, str], link: str
    ) -> None:
        for name, alarm in alarms_of("full", **given).items():
            description = alarm["AlarmDescription"]
            said, _, address = description.rpartition(" ")

            assert re.fullmatch(r"\[(wake|morning)\] [^;]{15,}; .{10,}[.] First: .{4,}[.]", said)
            assert address == link + name
            # CloudWatch's limit.
            assert len(description) <= 1024
        [text, *_] = dashboard("full", **given)
        assert text["properties"]["markdown"].endswith(f" {link}")

    @pytest.mark.parametrize("name", sorted(ALARMS))
    def test_notifies_the_topic_when_it_rings_and_when_it_is_over(self, name: str) -> None:
        topic = {"Fn::If": ["HasTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}

        assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == topic

    @pytest.mark.parametrize("name", alarms_of("full"))
    def test_a_point_that_comes_late_still_counts(self, name: str) -> None:
        alarm = alarms_of("full")[name]

        assert alarm["EvaluationPeriods"] >= 2
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]
        # Only what has to happen is missed.
        absent = name == "reconcile-absent"
        assert alarm["TreatMissingData"] == ("breaching" if absent else "notBreaching")

    @pytest.mark.parametrize("name", [one for one in sorted(ALARMS) if "Metrics" in ALARMS[one]])
    def test_no_expression_fills_what_may_only_be_late(self, name: str) -> None:
        # AWS: with FILL on a metric that comes late, an alarm may be stuck in one state.
        [watched, *metrics] = ALARMS[name]["Metrics"]
        expression = watched["Expression"]
        filled = set(re.findall(r"FILL\((\w+),", expression))

        assert "METRICS(" not in expression
        assert set(re.findall(r"\b[a-z]\w+\b", expression)) == {one["Id"] for one in metrics}
        for one in metrics:
            assert one["ReturnData"] is False
            assert one["MetricStat"]["Period"] >= 300
            # DynamoDB has no points where all is well, and `reconcile` three in each period. Of the
            # bridge's, another one that is not filled says whether there is anything to compare.
            metric = one["MetricStat"]["Metric"]
            if one["Id"] in filled and metric["Namespace"] != "AWS/DynamoDB":
                assert len(filled) < len(metrics) or metric["MetricName"] == "Invocations"

    def test_those_that_matter_most_are_there_in_basic(self) -> None:
        assert set(alarms_of("basic")) == set(BASIC)
        assert set(BASIC) < set(alarms_of("full"))
        assert not alarms_of("off")

    def test_basic_has_at_most_ten_metrics_in_its_alarms(self) -> None:
        watched = [one for alarm in alarms_of("basic").values() for one in series_of_alarm(alarm)]

        # Each is billed, in each alarm that it is in.
        assert len(watched) <= 9

    def test_full_has_at_most_as_many_as_its_bill_allows(self) -> None:
        watched = [one for alarm in alarms_of("full").values() for one in series_of_alarm(alarm)]

        # Each is $0.10 a month, and $0.30 more if its metric is a new one of the bridge's own. With
        # 32, 10,000 messages cost $8.38 of the $12 that they may (docs/performance.md).
        assert len(watched) <= 40

    def test_every_dead_letter_queue_has_one(self) -> None:
        queues = {name for name in BRIDGE.of_type("AWS::SQS::Queue") if "DeadLetter" in name}

        assert queues == {
            dimensions["QueueName"].strip("<>").split(".")[0]
            for alarm in alarms_of("full").values()
            for _, name, dimensions in series_of_alarm(alarm)
            if name == "ApproximateNumberOfMessagesVisible"
        }

    def test_a_reconcile_that_has_stopped_rings_after_two_periods(self) -> None:
        # CloudWatch fills what is missing with "breaching" only once it finds no points further
        # back than the periods that it evaluates; a function that is not called has no points.
        alarm = alarms_of("full")["reconcile-absent"]
        [watched, runs] = alarm["Metrics"]

        assert watched["Expression"] == f"FILL({runs['Id']}, 0)"
        schedule = BRIDGE.functions["Reconcile"]["Events"]["EveryFiveMinutes"]["Properties"]
        assert schedule["Schedule"] == "rate(5 minutes)"
        assert runs["MetricStat"]["Period"] == 3 * 5 * 60
        assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] == 2

    def test_the_one_that_rolls_a_deployment_back_rings_within_the_shortest_canary(self) -> None:
        alarm = alarms_of("basic")["bridge-failures"]
        names = {
            Evaluated(BRIDGE).of(one["DeploymentPreference"])["Alarms"][0]
            for one in BRIDGE.functions.values()
            if "DeploymentPreference" in one
        }

        assert names == {alarm["AlarmName"]}
        assert (alarm["DatapointsToAlarm"] + 1) * alarm["Period"] < 5 * 60

    def test_a_gradual_deployment_without_alarms_is_refused(self) -> None:
        given = {"Monitoring": "off", "DeploymentPreference": "Canary10Percent5Minutes"}

        [complaint] = Evaluated(BRIDGE, given).complaints

        assert "needs the alarms" in complaint


class TestMetricFilters:
    @pytest.mark.parametrize(
        ("line", "counts"),
        [
            ({"level": "ERROR", "message": "request failed"}, True),
            ({"type": "platform.report", "record": {"status": "timeout"}}, True),
            ({"type": "platform.report", "record": {"status": "error"}}, True),
            ({"type": "platform.report", "record": {"status": "failure"}}, True),
            ({"type": "platform.report", "record": {"status": "success"}}, False),
            ({"level": "WARNING", "message": "message not sent"}, False),
        ],
    )
    def test_failures_are_the_bridges_errors_and_what_lambda_had_to_end(
        self, line: dict[str, Any], counts: bool
    ) -> None:
        assert (
            holds(watching("basic").resources["SendSmsFailures"]["FilterPattern"], line) is counts
        )

    def test_they_are_counted_of_every_function(self) -> None:
        groups = {one["LoggingConfig"]["LogGroup"]["Ref"] for one in BRIDGE.functions.values()}
        counted = [
            one["LogGroupName"].strip("<>")
            for name, one in watching("basic").resources.items()
            if name.endswith("Failures")
        ]

        assert sorted(counted) == sorted(groups)

    @pytest.mark.parametrize(
        ("status", "route", "counts"),
        [
            ("429", "POST /callbacks/8x8", True),
            ("429", "$default", False),
            ("401", "POST /callbacks/8x8", False),
        ],
    )
    def test_the_apis_own_limit_is_counted_where_messages_and_receipts_come_in(
        self, status: str, route: str, counts: bool
    ) -> None:
        one = watching("full").resources["ApiThrottled"]
        access_log = BRIDGE.resources["HttpApi"]["Properties"]["AccessLogSettings"]["Format"]

        assert holds(one["FilterPattern"], {"status": status, "route": route}) is counts
        assert {"status", "route"} <= json.loads(access_log).keys()
        assert one["LogGroupName"] == "<AccessLogGroup>"


def holds(pattern: str, line: Mapping[str, Any]) -> bool:
    """Match a line as CloudWatch Logs does, for patterns of comparisons."""

    def matches(term: str) -> bool:
        path, operator, value = re.fullmatch(r'\$\.([\w.]+) (!?=) "(.+)"', term).groups()  # type: ignore[union-attr]
        found: Any = line
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return (found == value) is (operator == "=")

    return any(
        all(matches(term.strip()) for term in option.split("&&"))
        for option in pattern.strip("{ }").split("||")
    )


class TestDashboard:
    @pytest.mark.parametrize("monitoring", ["basic", "full"])
    def test_widgets_do_not_overlap_and_leave_no_gap(self, monitoring: str) -> None:
        cells = [
            {
                (column, row)
                for column in range(one["x"], one["x"] + one["width"])
                for row in range(one["y"], one["y"] + one["height"])
            }
            for one in dashboard(monitoring)
        ]

        for one, other in combinations(cells, 2):
            assert not one & other
        assert len(set().union(*cells)) == 24 * max(row + 1 for _, row in set().union(*cells))

    @pytest.mark.parametrize("monitoring", ["basic", "full"])
    def test_the_first_row_is_health_and_the_campaign(self, monitoring: str) -> None:
        _, health, campaign, over_time, *_ = dashboard(monitoring)

        shown = [arn.rpartition(":alarm:sms-bridge-")[2] for arn in health["properties"]["alarms"]]
        assert sorted(shown) == sorted(alarms_of(monitoring))
        funnel = ["Accepted", "Sent", "Delivered", "Failed", "OutcomesForwarded"]
        for widget in (campaign, over_time):
            assert [name for _, name, _ in series_of_widget(widget)] == funnel
        assert "delivered %" in json.dumps(campaign)

    def test_it_is_free(self) -> None:
        # A dashboard of up to 50 metrics. How many a search finds is not known beforehand.
        series = {
            json.dumps(one) for widget in dashboard("full") for one in series_of_widget(widget)
        }
        searches = [one for widget in dashboard("full") for one in searches_of(widget)]

        assert len(series) + 4 * len(searches) <= 50
        assert {one["type"] for one in dashboard("full")} == {"text", "alarm", "metric"}

    def test_basic_shows_only_what_basic_publishes(self) -> None:
        assert {
            name
            for widget in dashboard("basic")
            for namespace, name, _ in series_of_widget(widget)
            if namespace == NAMESPACE
        } == {"Accepted", "Sent", "Delivered", "Failed", "OutcomesForwarded"}
        assert not [one for widget in dashboard("basic") for one in searches_of(widget)]

    def test_there_is_none_without_monitoring(self) -> None:
        assert "Dashboard" not in watching("off").resources
        assert "DashboardUrl" not in Evaluated(BRIDGE, {"Monitoring": "off"}).outputs

    def test_the_stacks_output_leads_to_it(self) -> None:
        address = Evaluated(BRIDGE).outputs["DashboardUrl"]
        name = watching("basic").resources["Dashboard"]["DashboardName"]

        assert address == (
            "https://console.aws.amazon.com/cloudwatch/home?region=eu-central-1"
            f"#dashboards/dashboard/{name}"
        )


class TestQueries:
    @pytest.mark.parametrize("name", sorted(QUERIES))
    def test_reads_fields_that_the_lines_have(self, name: str) -> None:
        access_log = BRIDGE.resources["HttpApi"]["Properties"]["AccessLogSettings"]["Format"]

        fields = fields_of(QUERIES[name]["QueryString"])
        assert fields
        assert fields <= log_keys() | EVERY_LINE | json.loads(access_log).keys()

    @pytest.mark.parametrize("name", sorted(QUERIES))
    def test_looks_for_messages_that_the_code_logs(self, name: str) -> None:
        query = QUERIES[name]["QueryString"]
        for filters in re.findall(r"\bmessage (?:= |in \[)((?:'[^']+'(?:, )?)+)", query):
            for text in re.findall(r"'([^']+)'", filters):
                assert f'"{text}"' in CODE, text


def test_the_nested_stack_gets_each_of_its_parameters() -> None:
    given = BRIDGE.resources["Observability"]["Properties"]["Parameters"]

    assert set(given) == set(TEMPLATE.parameters)


class TestRunbook:
    def test_its_table_and_the_dashboards_list_are_made_from_the_alarms(self) -> None:
        template = TEMPLATE.content
        text = (PROJECT / "observability.yaml").read_text("utf-8")

        assert alarm_tables.with_table(RUNBOOK, template) == RUNBOOK, "run `make tables`"
        assert alarm_tables.with_list(text, template) == text, "run `make tables`"

    def test_each_alarm_has_an_entry_and_each_entry_an_alarm(self) -> None:
        entries = re.findall(r"^### ([\w-]+)$", RUNBOOK, re.MULTILINE)

        assert sorted(entries) == sorted(alarms_of("full"))

    def test_each_entry_says_what_it_means_how_to_look_and_what_to_do(self) -> None:
        for entry in re.split(r"\n### (?=[\w-]+\n)", RUNBOOK)[1:]:
            assert re.findall(r"^\*\*(\w[\w ]*):\*\*", entry, re.MULTILINE) == [
                "It means",
                "Look",
                "Do",
            ], entry.partition("\n")[0]

    def test_links_lead_somewhere(self) -> None:
        headings = re.findall(r"^##+ (.+)$", RUNBOOK, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}

        assert set(re.findall(r"\(#([\w-]+)\)", RUNBOOK)) <= anchors

    def test_parameters_outputs_and_queues_that_it_names_exist(self) -> None:
        named = set(re.findall(r"`((?:[A-Z][a-z0-9]+){2,})(?:=\w+)?`", RUNBOOK))

        assert named <= {
            *BRIDGE.parameters,
            *BRIDGE.content["Outputs"],
            *BRIDGE.resources,
        }

    def test_it_lists_every_saved_query(self) -> None:
        queries = {one["Name"]["Fn::Sub"].partition("/")[2] for one in QUERIES.values()}
        [table] = re.findall(r"^\| saved query \|.*?\n\n", RUNBOOK, re.MULTILINE | re.DOTALL)
        named = re.findall(r"[Ss]aved\s+query\s+\*([^*]+)\*", RUNBOOK)

        assert set(re.findall(r"^\| \*([^*]+)\* \|", table, re.MULTILINE)) == queries
        assert {" ".join(name.split()) for name in named} <= queries

    def test_widgets_that_it_names_exist(self) -> None:
        titles = {one["properties"].get("title") for one in dashboard("full")}

        assert set(re.findall(r"[Dd]ashboard,\s+\*([^*]+)\*", RUNBOOK)) <= titles

    def test_commands_that_it_names_exist(self) -> None:
        app = (PROJECT / "bridge/app.py").read_text("utf-8")
        named = re.findall(r"(?:`|\$ )sms-bridge\s([a-z-]+)", RUNBOOK)

        assert named
        for command in named:
            assert command.replace("-", "_") in app, command
