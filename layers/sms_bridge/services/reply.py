"""Answers people's STOP, START and HELP, through the send queue."""

import hmac
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sms_bridge.domain.arrivals import InboundMessage
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import MessageRequest, MessageType, State, id_of
from sms_bridge.domain.opt_out import Keyword
from sms_bridge.domain.phone_number import NUMBER, digits_of
from sms_bridge.observability import Metric, logger, message_fields, metric_fields
from sms_bridge.services import steps

if TYPE_CHECKING:
    from sms_bridge.services import interfaces
    from sms_bridge.settings import CallbackSettings

MOST_AN_HOUR = 3
"""Replies to a person. Whoever writes STOP, START and HELP is answered; two robots soon are not."""

# 8x8 takes no longer sender ID. A virtual number or a short code has digits only.
_VIRTUAL_NUMBER = re.compile(r"\+?[0-9]{3,16}", re.ASCII)
_MAX_SOURCE = 16


class ReplyEffect(StrEnum):
    """What came of an inbound message for whose keyword there is a text."""

    QUEUED = "queued"
    """It is answered."""
    UNCHANGED = "unchanged"
    """It asked for what held already."""
    TOO_MANY = "too_many"
    """The person was answered often within this hour."""
    NUMBER = "number"
    """One of the two numbers is none that 8x8 could send from, or to."""
    COUNTRY = "country"
    """The person's number is of a country that may not be texted."""


@dataclass(kw_only=True, eq=False, repr=False)
class Reply:
    """Answers an inbound message once, whoever repeats it.

    The reply is a transactional message like any other, whose id follows from 8x8's id of the
    inbound one, so that it is claimed once. MoEngage does not know it and hears no outcome.
    """

    settings: "CallbackSettings"
    messages: "interfaces.MessageStore"
    send_queue: "interfaces.SendQueue"
    clock: Clock

    def __call__(
        self,
        inbound: InboundMessage,
        keyword: Keyword,
        hash_key: str,
        *,
        has_changed: bool,
        callback_url: str,
    ) -> ReplyEffect | None:
        """Queue the reply, if there is to be one; ``None`` where there is no text.

        A STOP or START is answered only where it has changed something. An empty callback URL
        leaves the receipts to the registered webhook.
        """
        text = {
            Keyword.STOP: self.settings.opt_out_reply,
            Keyword.START: self.settings.opt_in_reply,
            Keyword.HELP: self.settings.help_reply,
        }[keyword]
        if not text:
            return None
        refusal = self._refusal_of(inbound, keyword, has_changed=has_changed)
        if refusal:
            return refusal
        request = MessageRequest(
            sub_account_id=inbound.sub_account_id,
            destination=f"+{digits_of(inbound.source)}",
            text=text,
            message_type=MessageType.TRANSACTIONAL,
            source=inbound.destination[-_MAX_SOURCE:],
            callback_url=callback_url,
        )
        digest = hmac.digest(hash_key.encode(), f"reply {inbound.umid}".encode(), "sha256")
        to_live = self.settings.transactional_seconds_to_live
        message = steps.new_message(request, hash_key, to_live, is_queued=True, now=self.clock())
        message = replace(message, id=id_of(digest.hex()), reply_to=inbound.umid)
        person, at = message.recipient_hash, inbound.received_at
        if not self.messages.count_reply(person, inbound.umid, at, at_most=MOST_AN_HOUR):
            return ReplyEffect.TOO_MANY
        there = self.messages.create(message)
        if (there or message).state is State.WAITING:
            # A repeat may mean that this failed the first time. Two records send it once.
            self.send_queue.add(there or message, request)
        if there is None:
            logger.info(
                "reply queued",
                **message_fields(message),
                reply_to=inbound.umid,
                keyword=keyword,
                **metric_fields({Metric.ESTIMATED_SEGMENTS: message.segments}),
            )
        return ReplyEffect.QUEUED

    def _refusal_of(
        self, inbound: InboundMessage, keyword: Keyword, *, has_changed: bool
    ) -> ReplyEffect | None:
        if keyword.opt_request and not has_changed:
            return ReplyEffect.UNCHANGED
        # A sender with a name or a short code is no person.
        if (
            not NUMBER.fullmatch(inbound.source)
            or not _VIRTUAL_NUMBER.fullmatch(inbound.destination)
            or digits_of(inbound.source) == digits_of(inbound.destination)
        ):
            return ReplyEffect.NUMBER
        codes = self.settings.allowed_country_calling_codes
        if codes and not digits_of(inbound.source).startswith(codes):
            return ReplyEffect.COUNTRY
        return None
