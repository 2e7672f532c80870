"""What a line holds, and what it leaves out: every byte of a line is paid for by the million."""

import json
import logging
from typing import Any

import pytest

from sms_bridge.observability import Metric, logger, measured
from tests.fakes.logs import WrittenLog

TRACE = "Root=1-69c25999-000000000000000000000001;Parent=0123456789abcdef;Sampled="


def test_keys_that_say_nothing_are_left_out(logged: WrittenLog) -> None:
    logger.info("message sent", reason="", umid="u-1", tries=0, is_first=False)

    (line,) = logged.lines
    of_every_line = {"level", "message", "timestamp", "service"}
    # Another test may have set it.
    assert line.keys() - {"request_id"} == of_every_line | {"umid", "tries", "is_first"}


@pytest.mark.parametrize(
    ("trace", "known"),
    [(TRACE + "1", True), (TRACE + "1;Lineage=1:a1b2:0", True), (TRACE + "0", False), ("", False)],
)
def test_a_trace_is_named_where_x_ray_has_it(
    trace: str, *, known: bool, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)

    logger.info("message sent")

    (line,) = logged.lines
    assert line.get("xray_trace_id") == ("1-69c25999-000000000000000000000001" if known else None)


@pytest.mark.parametrize("text", ['a","b', "},{", '},{"x', "  \n}\\", "🙂"])
def test_lines_written_together_are_those_written_one_by_one(text: str, logged: WrittenLog) -> None:
    lines: list[dict[str, Any]] = [
        {"message_id": "m1", "campaign_id": text},
        {},
        {"attempt": 2},
    ]

    for line in lines:
        logger.info("message sent", **line)
    logger.info_many("message sent", [json.dumps(line) for line in lines])

    alone, together = logged.lines[:3], logged.lines[3:]
    for line in (*alone, *together):
        line.pop("timestamp")
    assert together == alone
    assert alone[0]["campaign_id"] == text


def test_a_line_of_metrics_alone_is_one(logged: WrittenLog) -> None:
    logger.info("nothing beside", _aws="{}")

    (line,) = logged.lines
    assert line["_aws"] == {}


def test_a_level_that_is_not_wanted_is_not_written(
    logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger._logger, "level", logging.ERROR)

    logger.info("message sent")
    logger.info_many("message sent", ['{"attempt":1}'])
    logger.warning("message not sent")
    logger.error("request failed")

    assert [line["level"] for line in logged.lines] == ["ERROR"]


def test_metrics_are_told_apart_by_what_they_are_split_by() -> None:
    values = {Metric.RECEIPTS: 1.0, Metric.SECONDS_TO_RECEIPT: 2.5, Metric.SEGMENTS: 1.0}

    line = measured(values, 1795522286.651)

    assert {**line, "_aws": json.loads(line["_aws"])} == {
        "_aws": {
            "Timestamp": 1795522286651,
            "CloudWatchMetrics": [
                {
                    "Namespace": "SmsBridge",
                    "Dimensions": [["service"], ["service", "receipt_state"]],
                    "Metrics": [{"Name": "Receipts"}],
                },
                {
                    "Namespace": "SmsBridge",
                    "Dimensions": [["service"]],
                    "Metrics": [
                        {"Name": "AcceptToFinalReceipt", "Unit": "Seconds"},
                        {"Name": "Segments"},
                    ],
                },
            ],
        },
        "Receipts": 1.0,
        "AcceptToFinalReceipt": 2.5,
        "Segments": 1.0,
    }
