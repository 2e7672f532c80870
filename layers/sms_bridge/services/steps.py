"""Steps that several services share, and the log lines that they write."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sms_bridge.domain.attempt import EXPIRED, OPTED_OUT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, OutcomeStatus, State, new_id
from sms_bridge.domain.phone_number import international, keyed_hash
from sms_bridge.domain.segments import segments_of
from sms_bridge.observability import Metric, logger, message_fields, metric_fields

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import OutcomeQueue

Figures = dict[Metric, Any]

_COUNTED = {
    Verdict.ACCEPTED: Metric.SENT,
    Verdict.PERMANENT: Metric.REJECTED,
    Verdict.THROTTLED: Metric.THROTTLED,
    Verdict.NOT_SENT: Metric.UNAVAILABLE,
    Verdict.AMBIGUOUS: Metric.AMBIGUOUS,
}

# MoEngage gives up on an answer after 5 seconds. Until then it may not have read the message's id,
# and a report about an unknown id would be lost.
_SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID = 6

# If a receipt or a request is repeated while the outcome is open, queueing it may have failed the
# first time. By then the first report has ended, so that MoEngage is not called twice at once.
SECONDS_BEFORE_QUEUEING_AGAIN = 60

# A repeat brings the text of a message that waits, in case its record got lost. That is no reason
# to send it sooner.
SECONDS_BEHIND_THE_FIRST = 30


def new_message(
    request: MessageRequest, hash_key: str, seconds_to_live: int, *, is_queued: bool, now: float
) -> Message:
    """Return the message that is asked for, before anything was done about it."""
    encoding, segments = segments_of(request.text, request.options.get("encoding", "AUTO"))
    scheduled = seconds_of(request.options["scheduled"]) if request.is_scheduled else 0.0
    id_ = new_id()
    return Message(
        id=id_,
        claimed_by=id_,
        state=State.WAITING if is_queued else State.SENDING,
        message_type=request.message_type,
        sub_account_id=request.sub_account_id,
        destination=international(request.destination, request.country),
        recipient_hash=keyed_hash(request.destination, hash_key, request.country),
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


def with_recipient(first: Message, repeat: Message) -> Message:
    """Return a message with the recipient of its repeat.

    The recipient may have been forgotten meanwhile, but not the opt-out; and the answer names one
    all the same.
    """
    number = first.destination or repeat.destination
    return replace(first, destination=number, recipient_hash=repeat.recipient_hash)


def queue_outcome(queue: "OutcomeQueue", recorded: Recorded, now: float) -> None:
    """Queue the outcome that was just recorded, if it has to be reported."""
    message = recorded.message
    if not message.outcome_is_open:
        return
    if recorded.outcome_is_new:
        wait = round(message.accepted_at + _SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID - now)
        delay = max(0, min(_SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID, wait))
        queue.add(message.id, delay_seconds=delay, lease=message.outcome_lease_owner)
    elif recorded.effect in (Effect.LATE, Effect.REPEATED):
        queue.add(message.id, delay_seconds=SECONDS_BEFORE_QUEUEING_AGAIN)


def log_attempt(recorded: Recorded, result: SendResult, figures: Figures) -> None:
    """Log the result of an attempt to send, with what is measured beside it."""
    message = recorded.message
    count_attempt(figures, result)
    if result.verdict is Verdict.ACCEPTED:
        _log_sent(message, message.attempt, result.umid, **metric_fields(figures))
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
        **metric_fields({**figures, **outcome_figures}),
    )


def count_attempt(figures: Figures, result: SendResult) -> None:
    """Count the result of one attempt: a message may be tried several times in one request."""
    counted = [Metric.OPTED_OUT] if result is OPTED_OUT else []
    # The bridge's own reasons for not sending have no such prefix.
    if result.verdict is Verdict.ACCEPTED or result.reason.startswith("eightx8_"):
        counted.append(_COUNTED[result.verdict])
    if result.http_status == 401:
        counted.append(Metric.UNAUTHORIZED)
    for metric in counted:
        figures[metric] = figures.get(metric, 0) + 1


def log_accepted(accepted: Sequence[tuple[Message, int, str]], now: float) -> None:
    """Log the messages that 8x8 accepted: each with its attempt's number and 8x8's id, then all.

    CloudWatch takes 100 values of a metric in a line, and a batch of the queue has no more.
    """
    waited = []
    for message, attempt, umid in accepted:
        waited.append(seconds_since(message.accepted_at, now))
        _log_sent(message, attempt, umid, SecondsInSendQueue=waited[-1])
    if accepted:
        figures: Figures = {Metric.SENT: len(accepted), Metric.SECONDS_IN_QUEUE: waited}
        logger.info("messages sent", **metric_fields(figures))


def _log_sent(message: Message, attempt: int, umid: str, **measured: Any) -> None:
    logger.info(
        "message sent",
        **message_fields(message),
        attempt=attempt if attempt > 1 else None,
        umid=umid or None,
        **measured,
    )


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
