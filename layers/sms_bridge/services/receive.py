"""Takes 8x8's callbacks: records receipts, keeps inbound messages and all the rest."""

import time

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.clock import Clock, seconds_of, timestamp
from sms_bridge.domain.message import InboundMessage, Receipt, UnknownEvent, is_message_id
from sms_bridge.domain.opt_out import Keywords, opt_request_of
from sms_bridge.domain.outcome import outcome_of_receipt
from sms_bridge.domain.phone_number import keyed_hash, masked
from sms_bridge.observability import Metric, identity_of, logger, measured
from sms_bridge.services.due_outcomes import queue_outcome
from sms_bridge.services.interfaces import Effect, MessageStore, OptOuts, OutcomeQueue, Recorded
from sms_bridge.services.log_lines import new_outcome_of, seconds_since


class ReceiveCallback:
    """Records one callback.

    When recording fails the exception goes up, so that 8x8 is answered 503 and repeats it.

    Parameters
    ----------
    keywords
        By which people opt out and in, in upper case.
    passes_wishes_on
        Whether MoEngage is told of them, through the outcome queue.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        outcomes: OutcomeQueue,
        opt_outs: OptOuts,
        keywords: Keywords,
        syncs_opt_outs: bool = False,
        clock: Clock = time.time,
    ) -> None:
        self._messages = messages
        self._outcomes = outcomes
        self._opt_outs = opt_outs
        self._keywords = keywords
        self._syncs_opt_outs = syncs_opt_outs
        self._clock = clock

    def __call__(self, content: str, *, hash_key: str) -> None:
        """Record the callback with this body."""
        received_at = timestamp(self._clock())
        match read_callback(content, received_at):
            case Receipt() as receipt:
                self._record(receipt)
            case InboundMessage() as inbound:
                self._keep(inbound, hash_key)
            case UnknownEvent() as event:
                self._messages.keep_event(event, received_at)
                counted = measured({Metric.NOT_UNDERSTOOD: 1}, self._clock())
                logger.warning("event not understood", key=event.key, **counted)

    def _record(self, receipt: Receipt) -> None:
        is_ours = is_message_id(receipt.client_message_id)
        message_id = receipt.client_message_id if is_ours else f"umid {receipt.umid}"
        outcome = outcome_of_receipt(receipt) if is_ours else None
        recorded = self._messages.record_receipt(message_id, receipt, outcome)
        queue_outcome(self._outcomes, recorded, self._clock())
        self._log(recorded, receipt)

    def _log(self, recorded: Recorded, receipt: Receipt) -> None:
        now = self._clock()
        message = recorded.message
        outcome, values = new_outcome_of(recorded)
        values[Metric.RECEIPTS] = 1
        if not message.accepted_at:
            values[Metric.FOREIGN_RECEIPTS] = 1
        if outcome:
            # Once for each message: every receipt of it tells its size and price.
            values[Metric.SECONDS_TO_RECEIPT] = seconds_since(message.accepted_at, now)
            values[Metric.SEGMENTS] = receipt.segments
        if outcome and receipt.price and receipt.currency:
            values[Metric.COST] = float(receipt.price)
        moved = recorded.effect is Effect.MOVED
        logger.info(
            "receipt recorded",
            **identity_of(message),
            umid=receipt.umid,
            receipt_state=receipt.state or "not understood",
            eightx8_code=receipt.error_code,
            currency=receipt.currency if Metric.COST in values else "",
            # Where it moved the message, as nearly all do, its state is the message's.
            effect="" if moved else recorded.effect,
            state="" if moved else message.state,
            **outcome,
            **measured(values, now),
        )

    def _keep(self, inbound: InboundMessage, hash_key: str) -> None:
        inbound_id = self._messages.keep_inbound(inbound)
        sender_hash = keyed_hash(inbound.source, hash_key)
        opt_request = opt_request_of(inbound.text, self._keywords)
        if opt_request:
            at = _comparable(inbound.sent_at) or inbound.received_at
            self._opt_outs.record((inbound.sub_account_id, sender_hash), opt_request, at)
            if self._syncs_opt_outs:
                self._outcomes.add(inbound_id)
        logger.info(
            "inbound message kept",
            umid=inbound.umid,
            sub_account_id=inbound.sub_account_id,
            opt_request=opt_request or "none",
            sender=masked(inbound.source),
            sender_hash=sender_hash,
            **measured({Metric.INBOUND: 1}, self._clock()),
        )


def _comparable(moment: str) -> str:
    """Return 8x8's time, whose digits vary in number, in the bridge's form; empty if it is none."""
    try:
        return timestamp(seconds_of(moment))
    except (ValueError, OverflowError, OSError):
        return ""
