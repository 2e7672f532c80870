"""What a log line holds, and which of its figures are metrics."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sms_bridge import observability
from sms_bridge.observability import (
    Metric,
    log_failure,
    logger,
    message_fields,
    metric_fields,
)
from tests.builders import a_message
from tests.fakes.logs import WrittenLog

COUNT = {"Unit": "Count"}


def directives(*metrics: Metric) -> list[Any]:
    """Return what tells CloudWatch which fields of a line are metrics."""
    found = metric_fields(dict.fromkeys(metrics, 1)).get("_aws", {"CloudWatchMetrics": []})
    return list(json.loads(json.dumps(found["CloudWatchMetrics"])))


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda monitoring: monkeypatch.setattr(observability, "monitoring", monitoring)


def test_a_line_holds_its_fields_and_says_neither_its_place_in_the_code_nor_a_trace(
    logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-of-another-request;Sampled=1")

    logger.info("message sent", umid="u-1", reason=None, tries=0)

    (line,) = logged.lines
    # Another test may have set it.
    line.pop("request_id", None)
    assert line.keys() == {"level", "message", "timestamp", "service", "umid", "tries"}


def test_an_event_and_its_metrics_are_one_line(logged: WrittenLog) -> None:
    logger.info("message sent", umid="u-1", **metric_fields({Metric.SENT: 1}))

    (line,) = logged.lines
    assert (line["message"], line["umid"], line["Sent"]) == ("message sent", "u-1", 1)
    assert line["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "SmsBridge",
            "Dimensions": [["service"]],
            "Metrics": [{"Name": "Sent", "Unit": "Count"}],
        }
    ]


def test_metrics_are_grouped_by_what_they_are_split_by() -> None:
    assert directives(Metric.RECEIPTS, Metric.SECONDS_TO_RECEIPT, Metric.COST) == [
        {
            "Namespace": "SmsBridge",
            "Dimensions": [["service"], ["service", "receipt_state"]],
            "Metrics": [{"Name": "Receipts", **COUNT}],
        },
        {
            "Namespace": "SmsBridge",
            "Dimensions": [["service"]],
            "Metrics": [{"Name": "AcceptToFinalReceipt", "Unit": "Seconds"}],
        },
        {
            "Namespace": "SmsBridge",
            "Dimensions": [["service", "currency"]],
            "Metrics": [{"Name": "Cost", **COUNT}],
        },
    ]


def test_basic_monitoring_publishes_nine_metrics_that_are_not_split(
    publish: Callable[[str], None],
) -> None:
    publish("basic")

    (directive,) = directives(*Metric)

    assert directive["Dimensions"] == [["service"]]
    assert {metric["Name"] for metric in directive["Metrics"]} == {
        "Accepted",
        "Sent",
        "EightX8Unauthorized",
        "EightX8Unavailable",
        "Expired",
        "Receipts",
        "Delivered",
        "Failed",
        "OutcomesForwarded",
    }


@pytest.mark.parametrize(
    ("monitoring", "metric"),
    [("basic", Metric.DUPLICATES), ("off", Metric.ACCEPTED)],
)
def test_what_is_not_published_is_in_the_line_all_the_same(
    monitoring: str, metric: Metric, publish: Callable[[str], None]
) -> None:
    publish(monitoring)

    assert metric_fields({metric: 3}) == {metric.title: 3}


def test_no_line_holds_more_than_cloudwatch_takes() -> None:
    assert len(Metric) <= 100


class TestFailures:
    def test_a_failure_is_logged_without_the_exceptions_text(self, logged: WrittenLog) -> None:
        try:
            raise ValueError("+6591234567 is secret")
        except ValueError as error:
            log_failure("message not dispatched", error, message_id="m-1")

        (line,) = logged.lines
        assert "secret" not in logged.text
        assert (line["level"], line["error"], line["message_id"]) == ("ERROR", "ValueError", "m-1")
        assert line["error_at"].startswith("test_observability.py:")

    def test_of_an_aws_error_the_line_holds_the_code_and_the_request_id(
        self, logged: WrittenLog
    ) -> None:
        answer: Any = {
            "Error": {"Code": "ThrottlingException", "Message": "+6591234567 is secret"},
            "ResponseMetadata": {"RequestId": "request-of-aws"},
        }

        log_failure("result not recorded", ClientError(answer, "UpdateItem"))

        (line,) = logged.lines
        assert "secret" not in logged.text
        assert (line["aws_error"], line["aws_request_id"]) == (
            "ThrottlingException",
            "request-of-aws",
        )

    @pytest.mark.parametrize("response", [None, {}, "an HTTP answer", {"Error": {}}])
    def test_other_errors_have_no_such_fields(self, response: object, logged: WrittenLog) -> None:
        error = OSError()
        error.response = response  # type: ignore[attr-defined]

        log_failure("result not recorded", error)

        (line,) = logged.lines
        assert not line.keys() & {"aws_error", "aws_request_id"}


def test_a_message_is_named_by_ids_and_a_masked_number() -> None:
    fields = message_fields(a_message(destination="+6591234567", recipient_hash="a1b2"))

    assert fields["recipient"] == "65*****567"
    assert fields["recipient_hash"] == "a1b2"
    assert "91234567" not in json.dumps(fields)
