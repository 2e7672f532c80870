"""When each alarm rings, as CloudWatch judges its points."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.template.test_observability import alarms_of

type Points = Mapping[str, Sequence[int | None]]
"""By metric, with what it is about beside the bridge: a point or none a period, the newest last."""

DEAD_LETTERS = "ApproximateNumberOfMessagesVisible"
AGE = "ApproximateAgeOfOldestMessage"

# By alarm: what makes it ring, and what is nearly as bad.
CASES: dict[str, tuple[Points, Points]] = {
    "8x8-unauthorized": (
        {"EightX8Unauthorized": [1, None, None]},
        {"EightX8Unauthorized": [0, 0, 0]},
    ),
    "8x8-unavailable": ({"EightX8Unavailable": [3, None]}, {"EightX8Unavailable": [2, 2]}),
    "messages-expired": ({"Expired": [1, None]}, {"Expired": [0, 0]}),
    "receipts-stopped": ({"Sent": [1, 1]}, {"Sent": [9, 9], "Receipts": [None, 1]}),
    "api-5xx": ({"5xx HttpApi": [3, 0]}, {"5xx HttpApi": [2, 2]}),
    "requests-refused": ({"4xx HttpApi": [10, 0, 10]}, {"4xx HttpApi": [99, 9, 9]}),
    "outcome-dead-letters": (
        {f"{DEAD_LETTERS} OutcomeDeadLetterQueue": [1, None]},
        {f"{DEAD_LETTERS} OutcomeDeadLetterQueue": [0, 0]},
    ),
    "bridge-failures": (
        {"BridgeFailures": [1, 1, 1, *[None] * 12]},
        {"BridgeFailures": [9, 9, *[None] * 13]},
    ),
    "tokens-refused": (
        {"RequestsRefused unauthorized": [10, None]},
        {"RequestsRefused unauthorized": [9, 9]},
    ),
    "api-throttled": ({"ApiThrottled": [1, None]}, {"ApiThrottled": [None, None]}),
    "late-answers": ({"LateAnswers": [5, None]}, {"LateAnswers": [4, 4]}),
    "send-dead-letters": (
        {f"{DEAD_LETTERS} SendDeadLetterQueue": [1, None]},
        {f"{DEAD_LETTERS} SendDeadLetterQueue": [0, 0]},
    ),
    "transactional-queue-age": (
        {f"{AGE} TransactionalQueue": [300, 360, 420, None, None]},
        {f"{AGE} TransactionalQueue": [180, 240, 299, 359, 0]},
    ),
    "promotional-queue-age": (
        {f"{AGE} PromotionalQueue": [3600, 3660, 3720, None, None]},
        {f"{AGE} PromotionalQueue": [3480, 3540, 3599, 3659, 0]},
    ),
    "outcome-queue-age": (
        {f"{AGE} OutcomeQueue": [900, 960, 1020, None, None]},
        {f"{AGE} OutcomeQueue": [780, 840, 899, 959, 0]},
    ),
    "messages-rejected": (
        {"Rejected": [20, None], "Sent": [80, 80]},
        {"Rejected": [20, 19], "Sent": [81, None]},
    ),
    "messages-undelivered": (
        {"Failed": [20, None], "Delivered": [60, 60]},
        {"Failed": [20, 19], "Delivered": [61, None]},
    ),
    "ambiguous-sends": ({"Ambiguous": [5, None]}, {"Ambiguous": [4, 4]}),
    "forwards-failing": (
        {"OutcomeForwardsRetried": [5, None], "OutcomesForwarded": [5, 5]},
        {"OutcomeForwardsRetried": [5, 4], "OutcomesForwarded": [6, None]},
    ),
    "throttled-by-8x8": ({"Throttled": [50, 50, 0, 50]}, {"Throttled": [99, 99, 49, 49]}),
    "function-throttles": ({"Throttles": [1, 0, 1, 0, 1]}, {"Throttles": [9, 0, 9, 0, 0]}),
    "table-throttles": (
        {
            "ReadThrottleEvents MessagesTable": [1, None, None],
            "WriteThrottleEvents MessagesTable campaign": [None, None, 1],
        },
        {"WriteThrottleEvents MessagesTable": [None, 9, None]},
    ),
    "messages-stuck": ({"MessagesStuck": [1, 1, 1]}, {"MessagesStuck": [9, None, 9]}),
    "reconcile-absent": ({}, {"Invocations Reconcile": [1, None]}),
}


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_rings_when_it_should_and_not_before(name: str) -> None:
    alarm = alarms_of("full")[name]
    bad, nearly = CASES[name]

    assert rings(alarm, bad)
    assert not rings(alarm, nearly)
    # Nothing happens: only what has to happen is missed.
    assert rings(alarm, {}) is (name == "reconcile-absent")


def test_each_alarm_has_its_case() -> None:
    assert set(CASES) == set(alarms_of("full"))


def test_what_happens_is_summed_and_what_waits_is_seen_at_its_worst() -> None:
    for name, alarm in alarms_of("full").items():
        statistics = [one["MetricStat"]["Stat"] for one in alarm.get("Metrics", [])[1:]]
        waits = alarm.get("Namespace") == "AWS/SQS"
        assert set(statistics or [alarm["Statistic"]]) == {"Maximum" if waits else "Sum"}, name


def test_the_emulator_gets_no_alarm_on_an_expression_which_it_does_not_know() -> None:
    alarms = alarms_of("full", AwsEndpointUrl="http://127.0.0.1:4566")

    assert len(alarms) > 10
    assert not [name for name, one in alarms.items() if "Metrics" in one]


def rings(alarm: Mapping[str, Any], points: Points) -> bool:
    """Judge the newest periods of an alarm, as many of them as it looks at."""
    watched = alarm["EvaluationPeriods"]
    assert points.keys() <= {name_of(one) for one in metrics_of(alarm).values()}
    assert all(len(one) == watched for one in points.values())
    at_least = alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert at_least or alarm["ComparisonOperator"] == "LessThanThreshold"
    bad = 0
    for period in range(watched):
        found = value(alarm, {name: one[period] for name, one in points.items()})
        if found is None:
            bad += alarm["TreatMissingData"] == "breaching"
        else:
            bad += (found >= alarm["Threshold"]) is at_least
    return bad >= int(alarm["DatapointsToAlarm"])


def value(alarm: Mapping[str, Any], points: Mapping[str, int | None]) -> float | None:
    """Return what is compared with the threshold; without a point there is none."""
    known = {id_: points.get(name_of(one)) for id_, one in metrics_of(alarm).items()}
    if "Metrics" not in alarm:
        return known["metric"]
    functions = {
        "FILL": lambda point, other: other if point is None else point,
        "IF": lambda condition, yes, no: yes if condition else no,
        "SUM": sum,
    }
    expression = re.sub(r"\bAND\b", "and", alarm["Metrics"][0]["Expression"])
    try:
        return float(eval(expression, functions, known))  # noqa: S307 - our own template
    except TypeError:
        # Of what has no point nothing can be computed.
        return None


def metrics_of(alarm: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return an alarm's metrics by their id."""
    if "Metrics" not in alarm:
        return {"metric": alarm}
    return {one["Id"]: one["MetricStat"]["Metric"] for one in alarm["Metrics"][1:]}


def name_of(metric: Mapping[str, Any]) -> str:
    """Return a metric's name with the values of its dimensions, except the bridge's name."""
    values = (one["Value"].strip("<>").split(".")[0] for one in metric.get("Dimensions", ()))
    return " ".join((metric["MetricName"], *(one for one in values if one != "sms-bridge")))
