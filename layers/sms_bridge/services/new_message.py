"""A message as it is when it is claimed, whether it came alone or in a batch."""

from dataclasses import replace

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, new_id
from sms_bridge.domain.phone_number import international
from sms_bridge.domain.segments import segments_of
from sms_bridge.domain.state import State

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
    segments = segments_of(request.text, request.options.get("encoding", "AUTO"))
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
        encoding=segments.encoding,
        segments=segments.count,
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
