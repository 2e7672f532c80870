"""What a line holds, and what it leaves out: every byte of a line is paid for by the million."""

import logging
from typing import Any

import pytest

from sms_bridge.logs import log_many, logger
from sms_bridge.metrics import Metric, measured
from tests.fakes.logs import WrittenLog

TRACE = "Root=1-69c25999-000000000000000000000001;Parent=0123456789abcdef;Sampled="


def test_keys_that_say_nothing_are_left_out(logged: WrittenLog) -> None:
    logger.info("message sent", reason="", umid="u-1", tries=0, is_first=False)

    (line,) = logged.lines
    assert line.keys() == {"level", "message", "timestamp", "service", "umid", "tries", "is_first"}


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


def test_metrics_are_told_apart_by_what_they_are_split_by() -> None:
    values = {Metric.RECEIPTS: 1.0, Metric.SECONDS_TO_RECEIPT: 2.5, Metric.SEGMENTS: 1.0}

    assert measured(values, 1795522286.651) == {
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


# What would look like the end of a line, if a text's quotes were not escaped.
LINES: list[dict[str, Any]] = [
    {"message_id": "m1", "attempt": 1, "campaign_id": 'autumn"},{"spring'},
    {"message_id": "m2", "attempt": 2, "campaign_id": "  \n},{ \\ 🙂"},
    {"message_id": "m3", "attempt": 3, "campaign_id": ""},
]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("trace", ["", TRACE + "1"])
def test_many_lines_are_as_if_each_were_logged(
    count: int, trace: str, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    for line in LINES[:count]:
        logger.info("message sent", state="queued", **line)
    alone = logged.lines

    log_many("message sent", {"state": "queued"}, LINES[:count], 1795512345.125)

    together = logged.lines[count:]
    assert {line.pop("timestamp") for line in together} == {"2026-11-24T09:25:45.125Z"}
    assert together == [{k: v for k, v in line.items() if k != "timestamp"} for line in alone]


def test_many_lines_are_silent_where_the_logger_is(
    logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger._logger, "level", logging.WARNING)

    log_many("message sent", {}, LINES, 0.0)

    assert logged.text == ""
