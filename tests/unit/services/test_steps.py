"""What the result of an attempt and a new outcome count as."""

from dataclasses import replace

import pytest

from sms_bridge.domain.attempt import EXPIRED, OPTED_OUT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.message import Outcome, OutcomeStatus, State
from sms_bridge.observability import Metric
from sms_bridge.services.steps import (
    Figures,
    count_attempt,
    log_attempt,
    new_outcome,
    queue_outcome,
)
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_message,
)
from tests.fakes.logs import WrittenLog
from tests.fakes.queues import InMemoryOutcomes

OUT_OF_TIME = SendResult(verdict=Verdict.NOT_SENT, reason="out_of_time")


@pytest.mark.parametrize(
    ("result", "metrics"),
    [
        (ACCEPTED, {Metric.SENT}),
        (REFUSED, {Metric.REJECTED}),
        (REJECTED, {Metric.REJECTED}),
        (replace(REFUSED, http_status=401), {Metric.REJECTED, Metric.UNAUTHORIZED}),
        (replace(NOT_SENT, http_status=401), {Metric.UNAVAILABLE, Metric.UNAUTHORIZED}),
        (AMBIGUOUS, {Metric.AMBIGUOUS}),
        (THROTTLED, {Metric.THROTTLED}),
        # 8x8 was not there,
        (NOT_SENT, {Metric.UNAVAILABLE}),
        (replace(NOT_SENT, reason="eightx8_unavailable", http_status=503), {Metric.UNAVAILABLE}),
        # or was not asked: that is no fault of 8x8's.
        (OUT_OF_TIME, set()),
        # These two have metrics of their own, and are not among those that 8x8 rejects.
        (OPTED_OUT, {Metric.OPTED_OUT}),
        (EXPIRED, set()),
    ],
)
def test_each_result_counts_as_one_thing(result: SendResult, metrics: set[Metric]) -> None:
    figures: Figures = {}

    count_attempt(figures, result)

    assert figures == dict.fromkeys(metrics, 1)


@pytest.mark.parametrize(
    ("outcome", "metrics"),
    [
        (Outcome(OutcomeStatus.DELIVERED), {Metric.DELIVERED}),
        (Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1"), {Metric.FAILED}),
        (Outcome(OutcomeStatus.FAILED, "opted_out"), {Metric.FAILED}),
        (Outcome(OutcomeStatus.FAILED, "expired"), {Metric.FAILED, Metric.EXPIRED}),
    ],
)
def test_a_new_outcome_counts_once(outcome: Outcome, metrics: set[Metric]) -> None:
    message = a_message(outcome=outcome)

    for is_new in (True, False):
        _, figures = new_outcome(Recorded(message, Effect.MOVED, outcome_is_new=is_new))
        assert figures == (dict.fromkeys(metrics, 1) if is_new else {})


def test_an_outcome_of_a_message_that_the_bridge_did_not_send_does_not_count() -> None:
    message = a_message(outcome=Outcome(OutcomeStatus.DELIVERED), accepted_at=0.0)

    assert new_outcome(Recorded(message, Effect.MOVED, outcome_is_new=True)) == ({}, {})


@pytest.mark.parametrize(
    ("seconds_since_accepted", "wait"),
    [(0, 6), (0.4, 6), (2, 4), (5.4, 1), (6, 0), (7, 0), (86_400, 0), (-60, 6)],
)
def test_an_outcome_is_reported_when_moengage_knows_the_id(
    seconds_since_accepted: float, wait: int
) -> None:
    queue = InMemoryOutcomes()
    message = a_message(outcome=Outcome(OutcomeStatus.DELIVERED))
    recorded = Recorded(message, Effect.MOVED, outcome_is_new=True)

    queue_outcome(queue, recorded, message.accepted_at + seconds_since_accepted)

    assert queue.queued == [(message.id, wait)]


def test_the_line_of_a_failed_attempt_names_the_reason_and_the_outcome(
    logged: WrittenLog,
) -> None:
    message = a_message(state=State.FAILED, outcome=REFUSED.failure)

    log_attempt(Recorded(message, Effect.MOVED, outcome_is_new=True), REFUSED, {})

    (line,) = logged.lines
    assert (line["reason"], line["http_status"], line["outcome"], line["outcome_reason"]) == (
        REFUSED.reason,
        400,
        "FAILED",
        REFUSED.reason,
    )
    assert (line["Rejected"], line["Failed"]) == (1, 1)
