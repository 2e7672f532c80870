"""The lines that more than one step writes: what came of an attempt, and an outcome that is due."""

from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any

from sms_bridge.clock import seconds_of
from sms_bridge.logs import logger
from sms_bridge.metrics import MOST_VALUES, Metric, measured
from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import Message
from sms_bridge.rules.phone_numbers import masked
from sms_bridge.rules.send_results import SendResult, Verdict
from sms_bridge.storage.messages import Recorded

_BY_VERDICT = {
    Verdict.ACCEPTED: Metric.SENT,
    Verdict.PERMANENT: Metric.REJECTED,
    Verdict.AMBIGUOUS: Metric.AMBIGUOUS,
    Verdict.THROTTLED: Metric.THROTTLED,
}

_SENT = "message sent"

Values = dict[Metric, float]


def identity_of(message: Message) -> dict[str, Any]:
    """Return the keys by which a line is found: of the message, its campaign and its recipient."""
    return {
        "message_id": message.id,
        "campaign_id": message.campaign_id,
        "sub_account_id": message.sub_account_id,
        "recipient": masked(message.destination),
        "recipient_hash": message.recipient_hash,
    }


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
    if result.reason == "opted_out":
        counted[Metric.OPTED_OUT] = 1
    if result.http_status == 401:
        counted[Metric.UNAUTHORIZED] = 1
    outcome, outcome_values = new_outcome_of(recorded)
    sent = result.verdict is Verdict.ACCEPTED
    log = logger.info if sent else logger.warning
    log(
        _SENT if sent else "message not sent",
        **_attempt(recorded.message, result),
        state=recorded.message.state,
        verdict=result.verdict,
        **outcome,
        **measured({**counted, **outcome_values}, now),
    )


def log_taken(taken: Sequence[tuple[Message, SendResult]], now: float) -> None:
    """Log messages that 8x8 took out of the send queue: a line for each, and one to measure all."""
    for some in batched(taken, MOST_VALUES, strict=False):
        waited = [seconds_since(message.accepted_at, now) for message, _ in some]
        lines = (
            {
                **_attempt(message, result),
                "state": State.QUEUED,
                "verdict": Verdict.ACCEPTED,
                Metric.SECONDS_IN_QUEUE.title: seconds,
            }
            for (message, result), seconds in zip(some, waited, strict=True)
        )
        logger.info_many(_SENT, lines)
        logger.info(
            "messages sent",
            **measured({Metric.SENT: len(some), Metric.SECONDS_IN_QUEUE: waited}, now),
        )


def _attempt(message: Message, result: SendResult) -> dict[str, Any]:
    """Return the keys of a line about an attempt, without what it means."""
    return {
        **identity_of(message),
        "attempt": message.attempt,
        "reason": result.reason,
        "http_status": result.http_status,
        "umid": result.umid,
        "eightx8_code": result.eightx8_code,
        "eightx8_error_id": result.eightx8_error_id,
    }


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
    return max(0.0, round(now - seconds_of(moment), 3))
