"""Records 8x8's callbacks, and answers people's STOP, START and HELP through the send queue."""

import hmac
import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from sms_bridge.domain.arrivals import Click, InboundMessage, InboundWork, OtherEvent, UnknownEvent
from sms_bridge.domain.attempt import Effect
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import (
    MessageRequest,
    MessageType,
    Receipt,
    State,
    id_of,
    is_message_id,
)
from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, Keyword, OptRequest, keyword_of
from sms_bridge.domain.phone_number import NUMBER, digits_of, is_number, keyed_hash, masked
from sms_bridge.observability import Metric, logger, message_fields, metric_fields
from sms_bridge.services import steps

if TYPE_CHECKING:
    from sms_bridge.services import interfaces
    from sms_bridge.settings import CallbackSettings

# Among so many of a person's latest messages the one is looked for whose link was opened.
_LOOKED_THROUGH_AT_MOST = 25

MOST_AN_HOUR = 3
"""Replies to a person. Whoever writes STOP, START and HELP is answered; two robots soon are not."""

# 8x8 takes no longer sender ID. A virtual number or a short code has digits only.
_VIRTUAL_NUMBER = re.compile(r"\+?[0-9]{3,16}", re.ASCII)
_MAX_SOURCE = 16

CallbackEvent = Receipt | InboundMessage | Click | OtherEvent | UnknownEvent


@dataclass(kw_only=True, eq=False, repr=False)
class ReceiveCallback:
    """Records one callback.

    When recording fails the exception goes up, so that 8x8 is answered 503 and repeats it.
    """

    settings: "CallbackSettings"
    messages: "interfaces.MessageStore"
    outcomes: "interfaces.OutcomeQueue"
    opt_outs: "interfaces.OptOuts"
    send_queue: "interfaces.SendQueue"
    clock: Clock

    def __call__(self, event: CallbackEvent, *, hash_key: str, callback_url: str = "") -> None:
        """Record one event; the URL is where 8x8 is to send the receipts of a reply."""
        match event:
            case Receipt() as receipt:
                self._record(receipt)
            case InboundMessage() as inbound:
                self._keep(inbound, hash_key, callback_url)
            case Click() as click:
                self._count(click, hash_key)
            case OtherEvent():
                logger.info("event of no use here", event_type=event.event_type)
            case UnknownEvent():
                self.messages.keep_event(event, self.clock())
                logger.warning(
                    "event not understood",
                    key=event.key,
                    event_type=event.event_type or None,
                    **metric_fields({Metric.NOT_UNDERSTOOD: 1}),
                )

    def _record(self, receipt: Receipt) -> None:
        is_ours = is_message_id(receipt.client_message_id)
        message_id = receipt.client_message_id if is_ours else f"umid {receipt.umid}"
        outcome = receipt.outcome if is_ours else None
        recorded = self.messages.record_receipt(message_id, receipt, outcome)
        now = self.clock()
        steps.queue_outcome(self.outcomes, recorded, now)
        message = recorded.message
        outcome_fields, figures = steps.new_outcome(recorded)
        figures[Metric.RECEIPTS] = 1
        if not message.accepted_at:
            figures[Metric.FOREIGN_RECEIPTS] = 1
        if outcome_fields:
            # Once for each message: every receipt has its size and price.
            figures[Metric.SECONDS_TO_RECEIPT] = steps.seconds_since(message.accepted_at, now)
            figures[Metric.SEGMENTS] = receipt.segments
        if outcome_fields and receipt.price and receipt.currency:
            figures[Metric.COST] = float(receipt.price)
        moved = recorded.effect is Effect.MOVED
        logger.info(
            "receipt recorded",
            **message_fields(message),
            umid=receipt.umid or None,
            receipt_state=receipt.state or "not understood",
            eightx8_code=receipt.error_code or None,
            currency=receipt.currency if Metric.COST in figures else None,
            # Nearly all move the message, and their state is the message's then.
            effect=None if moved else recorded.effect,
            state=None if moved else message.state,
            **outcome_fields,
            **metric_fields(figures),
        )

    def _keep(self, inbound: InboundMessage, hash_key: str, callback_url: str) -> None:
        """Keep an inbound message and do what follows from it: each step may be repeated."""
        settings = self.settings
        # An account's webhook may bring what is meant for others. 8x8 writes a name as it was made,
        # operators as they like.
        names = {one.lower(): one for one in settings.sub_account_ids}
        name = names.get(inbound.sub_account_id.lower(), "")
        inbound = replace(inbound, sub_account_id=name or inbound.sub_account_id)
        sender_hash = keyed_hash(inbound.source, hash_key)
        inbound_id = self.messages.keep_inbound(inbound, sender_hash=sender_hash)
        keyword = keyword_of(inbound.text, settings.keywords)
        # Nobody else can be texted, so that nobody else needs an item for good, or an event.
        is_a_person = is_number(inbound.source)
        opt_request = keyword.opt_request if keyword and is_a_person else None
        # A STOP to a sub-account that is not the stack's may be meant for it, so it counts, for all
        # together: a person has one such item, however many names come. A START lifts nothing.
        if opt_request is OptRequest.OPT_IN and not name:
            opt_request = None
        has_changed = opt_request is not None and self.opt_outs.record(
            (name or EVERY_SUB_ACCOUNT, sender_hash),
            opt_request,
            inbound.requested_at(opt_request),
            inbound_id=inbound.umid,
        )
        if settings.moengage_data_api_url and opt_request:
            self.outcomes.add_inbound(inbound_id, InboundWork.SUBSCRIPTION)
        reports_inbound = settings.moengage_data_api_url and settings.moengage_inbound_event
        if reports_inbound and name and is_a_person:
            self.outcomes.add_inbound(inbound_id, InboundWork.EVENT)
        replies = {
            Keyword.STOP: settings.opt_out_reply,
            Keyword.START: settings.opt_in_reply,
            Keyword.HELP: settings.help_reply,
        }
        reply = None
        if keyword and name and replies[keyword]:
            reply = "unchanged"
            if has_changed or not opt_request:
                reply = self._reply(inbound, replies[keyword], hash_key, callback_url)
        logger.info(
            "inbound message kept",
            umid=inbound.umid,
            sub_account_id=inbound.sub_account_id,
            is_known=None if name else False,
            keyword=keyword or "none",
            reply=reply,
            sender=masked(inbound.source),
            sender_hash=sender_hash,
            **metric_fields({Metric.INBOUND: 1}),
        )

    def _reply(self, inbound: InboundMessage, text: str, hash_key: str, callback_url: str) -> str:
        """Answer an inbound message once, whoever repeats it; returns what came of it, for the log.

        The reply is a transactional message like any other, whose id follows from 8x8's id of the
        inbound one, so that it is claimed once. MoEngage does not know it and hears no outcome. An
        empty callback URL leaves its receipts to the registered webhook.
        """
        settings = self.settings
        # A sender with a name or a short code is no person.
        if (
            not NUMBER.fullmatch(inbound.source)
            or not _VIRTUAL_NUMBER.fullmatch(inbound.destination)
            or digits_of(inbound.source) == digits_of(inbound.destination)
        ):
            return "number"
        codes = settings.allowed_country_calling_codes
        if codes and not digits_of(inbound.source).startswith(codes):
            return "country"
        request = MessageRequest(
            sub_account_id=inbound.sub_account_id,
            destination=f"+{digits_of(inbound.source)}",
            text=text,
            message_type=MessageType.TRANSACTIONAL,
            source=inbound.destination[-_MAX_SOURCE:],
            callback_url=callback_url,
        )
        digest = hmac.digest(hash_key.encode(), f"reply {inbound.umid}".encode(), "sha256")
        to_live = settings.transactional_seconds_to_live
        message = steps.new_message(request, hash_key, to_live, is_queued=True, now=self.clock())
        message = replace(message, id=id_of(digest.hex()), reply_to=inbound.umid)
        person, at = message.recipient_hash, inbound.received_at
        if not self.messages.count_reply(person, inbound.umid, at, at_most=MOST_AN_HOUR):
            return "too_many"
        there = self.messages.create(message)
        if (there or message).state is State.WAITING:
            # A repeat may mean that this failed the first time. Two records send it once.
            self.send_queue.add(there or message, request)
        if there is None:
            logger.info(
                "reply queued",
                **message_fields(message),
                reply_to=inbound.umid,
                **metric_fields({Metric.ESTIMATED_SEGMENTS: message.segments}),
            )
        return "queued"

    def _count(self, click: Click, hash_key: str) -> None:
        """Count a click with its message; what the bridge did not send is in the log line alone.

        The event names the message by 8x8's id, which no index goes by, but the recipient as well.
        """
        recipient_hash = keyed_hash(click.destination, hash_key)
        newest = self.messages.newest_first(recipient_hash=recipient_hash)
        latest = islice(newest, _LOOKED_THROUGH_AT_MOST)
        message = next((one for one in latest if one.umid == click.umid), None)
        if message:
            self.messages.record_click(message.id, click)
        fields = message_fields(message) if message else {"sub_account_id": "unknown"}
        logger.info("link opened", **fields, umid=click.umid)
