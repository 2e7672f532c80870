"""The lines that more than one step writes: what came of an attempt, and an outcome that is due."""

from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.json_text import json_string
from sms_bridge.observability import (
    DIRECTIVES,
    MOST_VALUES,
    Metric,
    directives_of,
    identity_of,
    logger,
    measured,
)
from sms_bridge.services.interfaces import Recorded
from sms_bridge.storage.queues import SendRecord

_BY_VERDICT = {
    Verdict.ACCEPTED: Metric.SENT,
    Verdict.PERMANENT: Metric.REJECTED,
    Verdict.AMBIGUOUS: Metric.AMBIGUOUS,
    Verdict.THROTTLED: Metric.THROTTLED,
}

_SENT = "message sent"

Values = dict[Metric, float]


def log_attempt(
    recorded: Recorded, result: SendResult, now: float, values: Mapping[Metric, float]
) -> None:
    """Log what came of an attempt to send.

    Parameters
    ----------
    values
        What is measured beside the result.
    """
    counted: Values = {**values}
    if result.verdict in _BY_VERDICT:
        metric = _BY_VERDICT[result.verdict]
        counted[metric] = counted.get(metric, 0) + 1
    message = recorded.message
    if result.verdict is Verdict.ACCEPTED:
        # That 8x8 took it is in these words; there is nothing to tell beside.
        logger.info(
            _SENT,
            **identity_of(message),
            attempt=message.attempt if message.attempt > 1 else "",
            umid=result.umid,
            **measured(counted, now),
        )
        return
    if result.reason == "opted_out":
        counted[Metric.OPTED_OUT] = 1
    if result.http_status == 401:
        counted[Metric.UNAUTHORIZED] = 1
    outcome, outcome_values = new_outcome_of(recorded)
    logger.warning(
        "message not sent",
        **identity_of(message),
        attempt=message.attempt,
        state=message.state,
        verdict=result.verdict,
        reason=result.reason,
        http_status=result.http_status,
        umid=result.umid,
        eightx8_code=result.eightx8_code,
        eightx8_error_id=result.eightx8_error_id,
        **outcome,
        **measured({**counted, **outcome_values}, now),
    )


def log_taken(taken: Sequence[tuple[SendRecord, int, str]], now: float) -> None:
    """Log messages that 8x8 took out of the send queue: a line for each, and one to measure all.

    Parameters
    ----------
    taken
        Of each message its record, the attempt's number and 8x8's ``umid``.
    """
    sent, seconds = Metric.SENT.title, Metric.SECONDS_IN_QUEUE.title
    directives = directives_of((Metric.SENT, Metric.SECONDS_IN_QUEUE), now)
    for some in batched(taken, MOST_VALUES, strict=False):
        waited = [f"{seconds_between(record.accepted_at, now):.3f}" for record, _, _ in some]
        logger.info_many(_SENT, map(_keys_of_one_taken, some, waited))
        values = f'"{sent}":{len(some)},"{seconds}":[{",".join(waited)}]'
        logger.info_many("messages sent", [f'{{{values},"{DIRECTIVES}":{directives}}}'])


def _keys_of_one_taken(taken: tuple[SendRecord, int, str], waited: str) -> str:
    """Return them as JSON: most of it is written already."""
    record, attempt, umid = taken
    keys = f'{record.identity[:-1]},"{Metric.SECONDS_IN_QUEUE.title}":{waited}'
    if attempt > 1:
        keys += f',"attempt":{attempt}'
    if umid:
        keys += f',"umid":{json_string(umid)}'
    return keys + "}"


def new_outcome_of(recorded: Recorded) -> tuple[dict[str, Any], Values]:
    """Return the keys and the metrics of an outcome that was just recorded, if one was."""
    outcome = recorded.message.outcome
    if outcome is None or not recorded.outcome_is_new or not recorded.message.accepted_at:
        return {}, {}
    values: Values = {Metric.OUTCOMES: 1}
    if outcome.reason:
        values[Metric.FAILURES] = 1
    return {"outcome": outcome.status, "outcome_reason": outcome.reason}, values


def seconds_since(moment: str, now: float) -> float:
    """Return the seconds since a moment, at least 0: functions' clocks differ a little."""
    return round(seconds_between(seconds_of(moment), now), 3)


def seconds_between(then: float, now: float) -> float:
    """Return the same for a moment in seconds since the epoch."""
    return max(0.0, now - then)
