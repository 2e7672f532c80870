"""What happened lately: asked of Logs Insights, whose answer counts like the lines themselves."""

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.errors import BridgeError
from bridge.stack import Stack
from bridge.stats import activity_of
from sms_bridge.observability import Metric
from tests.bridge.deployed import Deployed


class Insights:
    """Logs Insights with one answer."""

    def __init__(self, rows: list[dict[str, str]], status: str = "Complete") -> None:
        self._rows = rows
        self._status = status
        self.asked: dict[str, Any] = {}
        self._looks = 0

    def start_query(self, **question: Any) -> dict[str, str]:
        self.asked = question
        return {"queryId": "query"}

    def get_query_results(self, *, queryId: str) -> dict[str, Any]:
        assert queryId == "query"
        self._looks += 1
        if self._looks == 1:
            return {"status": "Running", "results": []}
        results = [
            [{"field": name, "value": value} for name, value in row.items()] for row in self._rows
        ]
        return {"status": self._status, "results": results}


@pytest.fixture
def stack(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("bridge.stats.time.sleep", lambda _: None)
    stack = deployed.stack
    monkeypatch.setattr(type(stack), "is_local", False)
    return stack


def answering(stack: Stack, insights: Insights, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(type(stack), "aws", SimpleNamespace(client=lambda _: insights))
    return stack


def number_of(query: str, metric: Metric) -> str:
    """Return the name that a query gives to a metric's sum."""
    found = re.search(rf"sum\({metric.title}\) as (n\d+)", query)
    assert found
    return found[1]


def test_sums_are_asked_for_by_reason_and_counted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Insights([])
    activity_of(answering(stack, probe, monkeypatch), 0.0)
    query = probe.asked["queryString"]
    failed, accepted = number_of(query, Metric.FAILED), number_of(query, Metric.ACCEPTED)
    refused, cost = number_of(query, Metric.REFUSED), number_of(query, Metric.COST)
    rows = [
        {failed: "7", "outcome_reason": "expired", "example": "an-id", "@log": "1:sms-bridge-X"},
        {accepted: "1200", refused: "2", "reason": "unauthorized", "@log": "1:sms-bridge-SendSms"},
        {cost: "1.5", "currency": "USD", "@log": "1:sms-bridge-ReceiveCallback"},
    ]

    found = activity_of(answering(stack, Insights(rows), monkeypatch), 0.0)

    assert found.figures["Accepted"] == 1200
    assert (found.failures["expired"].count, found.failures["expired"].example) == (7, "an-id")
    assert found.refused("SendSms")["unauthorized"] == 2
    assert found.cost == {"USD": 1.5}
    assert probe.asked["startTime"] == 0
    assert probe.asked["endTime"] == pytest.approx(time.time(), abs=600)
    assert "sms-bridge-SendSms" in probe.asked["logGroupNames"]


def test_every_figure_that_is_asked_for_is_in_the_lines(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Insights([])
    activity_of(answering(stack, probe, monkeypatch), 0.0)

    asked = set(re.findall(r"sum\((\w+)\)", probe.asked["queryString"]))

    assert asked <= {metric.title for metric in Metric}


def test_messages_that_failed_are_listed(
    stack: Stack, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"message_id": "an-id", "campaign_id": "spring", "outcome_reason": "x"}]
    answering(stack, Insights(rows), monkeypatch)

    [found] = deployed.json_of("failures", "--list")["messages"]

    assert found == {"umid": "an-id", "campaignId": "spring", "reason": "x"}


def test_a_query_that_fails_is_a_failure(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BridgeError, match="did not answer"):
        activity_of(answering(stack, Insights([], "Timeout"), monkeypatch), 0.0)
