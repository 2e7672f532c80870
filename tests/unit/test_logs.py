"""Many lines at once are the lines that the logger writes one by one."""

import logging
from typing import Any

import pytest

from sms_bridge.logs import log_many, logger
from tests.fakes.logs import WrittenLog, logged

__all__ = ["logged"]

# What would look like the end of a line, if a text's quotes were not escaped.
LINES: list[dict[str, Any]] = [
    {"message_id": "m1", "attempt": 1, "campaign_id": 'autumn"},{"spring'},
    {"message_id": "m2", "attempt": 2, "campaign_id": "  \n},{ \\ 🙂"},
    {"message_id": "m3", "attempt": 3, "campaign_id": ""},
]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("trace", ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"])
def test_they_are_as_if_each_were_logged(
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


def test_they_are_silent_where_the_logger_is(
    logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger._logger, "level", logging.WARNING)

    log_many("message sent", {}, LINES, 0.0)

    assert logged.text == ""
