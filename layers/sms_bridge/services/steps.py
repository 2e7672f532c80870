"""Steps that several services share, and the log lines that they write."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import batched
from typing import TYPE_CHECKING, Any

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, OutcomeStatus, new_id
from sms_bridge.domain.opt_out import OPTED_OUT
from sms_bridge.domain.outcome import SECONDS_BEFORE_QUEUEING_AGAIN, seconds_before_reporting
from sms_bridge.domain.phone_number import international
from sms_bridge.domain.recorded import Effect, Recorded
from sms_bridge.domain.segments import segments_of
from sms_bridge.domain.send_result import EXPIRED, SendResult, Verdict
from sms_bridge.domain.state import State
from sms_bridge.observability import (
    MAX_VALUES,
    Figure,
    Metric,
    logger,
    message_fields,
    metric_fields,
)

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import OutcomeQueue

Figures = dict[Metric, Figure]

Accepted = tuple[Message, int, str]
"""A message of a batch that 8x8 accepted: with the attempt's number and 8x8's id."""

_SENT = "message sent"

# A repeat brings the text of a message that waits, in case its record got lost. That is no reason
# to send it sooner.
SECONDS_BEHIND_THE_FIRST = 30


def new_message(
    request: MessageRequest,
    *,
    seconds_to_live: int,
    recipient_hash: str,
    id_: str,
    is_queued: bool,
    now: float,
) -> Message:
    """Return the message that is asked for, before anything was done about it.

    Its id is empty where a claim gives it one.
    """
    encoding, segments = segments_of(request.text, request.options.get("encoding", "AUTO"))
    scheduled = seconds_of(request.options["scheduled"]) if request.is_scheduled else 0.0
    return Message(
        id=id_,
        claimed_by=new_id(),
        state=State.WAITING if is_queued else State.SENDING,
        message_type=request.message_type,
        sub_account_id=request.sub_account_id,
        destination=international(request.destination, request.country),
        recipient_hash=recipient_hash,
        source=request.source or "",
        client_message_id=request.client_message_id or "",
        campaign_id=request.campaign_id or "",
        dlt_template_id=request.dlt_template_id or "",
        encoding=encoding,
        segments=segments,
        accepted_at=now,
        scheduled_at=scheduled if scheduled > now else 0.0,
        send_before=max(now, scheduled) + seconds_to_live,
        attempt=0 if is_queued else 1,
        attempt_at=0.0 if is_queued else now,
    )


def with_recipient(first: Message, request: MessageRequest, recipient_hash: str) -> Message:
    """Return the message that a request repeats, with its recipient.

    The recipient may have been forgotten meanwhile, but not the opt-out; and the answer names one
    all the same.
    """
    number = first.destination or international(request.destination, request.country)
    return replace(first, destination=number, recipient_hash=recipient_hash)


def queue_outcome(queue: "OutcomeQueue", recorded: Recorded, now: float) -> None:
    """Queue the outcome that was just recorded, if it has to be reported."""
    message = recorded.message
    if not message.outcome_is_open:
        return
    if recorded.outcome_is_new:
        delay = seconds_before_reporting(message.accepted_at, now)
        queue.add(message.id, delay_seconds=delay, lease=message.outcome_lease_owner)
    elif recorded.effect in (Effect.LATE, Effect.REPEATED):
        # 8x8 repeats a callback that was not answered: queueing may have failed the first time.
        queue.add(message.id, delay_seconds=SECONDS_BEFORE_QUEUEING_AGAIN)


def log_attempt(recorded: Recorded, result: SendResult, figures: Mapping[Metric, Figure]) -> None:
    """Log the result of an attempt to send, with what is measured beside it."""
    message = recorded.message
    counted: Figures = {**figures}
    add_figures(counted, attempt_figures(result))
    if result.verdict is Verdict.ACCEPTED:
        logger.info(
            _SENT,
            **message_fields(message),
            attempt=message.attempt if message.attempt > 1 else None,
            umid=result.umid or None,
            **metric_fields(counted),
        )
        return
    outcome_fields, outcome_figures = new_outcome(recorded)
    logger.warning(
        "message not sent",
        **message_fields(message),
        attempt=message.attempt,
        state=message.state,
        verdict=result.verdict,
        reason=result.reason,
        http_status=result.http_status,
        umid=result.umid or None,
        eightx8_code=result.eightx8_code or None,
        eightx8_error_id=result.eightx8_error_id or None,
        **outcome_fields,
        **metric_fields({**counted, **outcome_figures}),
    )


def attempt_figures(result: SendResult) -> dict[Metric, int]:
    """Return what the result of one attempt counts as."""
    figures: dict[Metric, int] = {}
    match result.verdict:
        case Verdict.ACCEPTED:
            figures[Metric.SENT] = 1
        case Verdict.AMBIGUOUS:
            figures[Metric.AMBIGUOUS] = 1
        case Verdict.THROTTLED:
            figures[Metric.THROTTLED] = 1
        # The bridge's own reasons for not sending have no such prefix.
        case Verdict.NOT_SENT if result.reason.startswith("eightx8_"):
            figures[Metric.UNAVAILABLE] = 1
        case Verdict.PERMANENT if result.reason == OPTED_OUT.reason:
            figures[Metric.OPTED_OUT] = 1
        case Verdict.PERMANENT if result.reason.startswith("eightx8_"):
            figures[Metric.REJECTED] = 1
    if result.http_status == 401:
        figures[Metric.UNAUTHORIZED] = 1
    return figures


def add_figures(figures: Figures, more: Mapping[Metric, int]) -> None:
    """Count more: a message may be tried several times in one request."""
    for metric, figure in more.items():
        before = figures.get(metric, 0)
        figures[metric] = figure + (before if isinstance(before, int) else 0)


def log_accepted(accepted: Sequence[Accepted], now: float) -> None:
    """Log the messages of a batch that 8x8 accepted: a line for each, and one to measure all."""
    for some in batched(accepted, MAX_VALUES):
        waited = [seconds_since(message.accepted_at, now) for message, _, _ in some]
        for (message, attempt, umid), seconds in zip(some, waited, strict=True):
            logger.info(
                _SENT,
                **message_fields(message),
                attempt=attempt if attempt > 1 else None,
                umid=umid or None,
                SecondsInSendQueue=seconds,
            )
        figures: Figures = {Metric.SENT: len(some), Metric.SECONDS_IN_QUEUE: waited}
        logger.info("messages sent", **metric_fields(figures))


def new_outcome(recorded: Recorded) -> tuple[dict[str, Any], Figures]:
    """Return the log fields and the metrics of an outcome that was just recorded, if one was."""
    outcome = recorded.message.outcome
    if outcome is None or not recorded.outcome_is_new or not recorded.message.accepted_at:
        return {}, {}
    is_delivered = outcome.status is OutcomeStatus.DELIVERED
    figures: Figures = {Metric.DELIVERED if is_delivered else Metric.FAILED: 1}
    if outcome.reason == EXPIRED.reason:
        figures[Metric.EXPIRED] = 1
    return {"outcome": outcome.status, "outcome_reason": outcome.reason or None}, figures


def seconds_since(moment: float, now: float) -> float:
    """Return the seconds since a moment, at least 0: functions' clocks differ a little."""
    return round(max(0.0, now - moment), 3)
