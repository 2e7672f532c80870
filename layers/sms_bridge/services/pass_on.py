"""Passes on to MoEngage what people write: that they opted out or in, and the SMS itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sms_bridge.domain.arrivals import InboundMessage, InboundWork, QueuedInbound
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.opt_out import Keywords, OptRequest, keyword_of
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.domain.reporting import ReportResult, ReportVerdict, seconds_before_passing_on_again
from sms_bridge.observability import logger

if TYPE_CHECKING:
    from sms_bridge.services import interfaces


@dataclass(kw_only=True, eq=False, repr=False)
class PassOnInbound:
    """Passes on one inbound message."""

    messages: "interfaces.MessageStore"
    opt_outs: "interfaces.OptOuts"
    users: "interfaces.Users"
    dead_letters: "interfaces.DeadLetterQueue"
    keywords: Keywords
    clock: Clock

    def __call__(self, queued: QueuedInbound, *, hash_key: str, api_key: str) -> int | None:
        """Pass it on, unless that was done or is no longer true.

        Returns after how many seconds to try again; ``None`` when there is nothing left to do.
        """
        inbound = self.messages.get_inbound(queued.inbound_id)
        if inbound is None:
            return None
        if queued.work is InboundWork.EVENT:
            result = self._report(inbound, queued.inbound_id, api_key)
        else:
            result = self._sync(inbound, hash_key, api_key)
        if result is None:
            return None
        is_acknowledged = result.verdict is ReportVerdict.ACKNOWLEDGED
        logger.info(
            "inbound message passed on" if is_acknowledged else "inbound message not passed on",
            inbound_id=queued.inbound_id,
            work=queued.work,
            verdict=result.verdict,
            http_status=result.http_status,
            error=result.error or None,
        )
        if is_acknowledged:
            return None
        age = self.clock() - inbound.received_at
        wait = seconds_before_passing_on_again(age, result.retry_after)
        if result.verdict is ReportVerdict.REFUSED or wait is None:
            reason = f"moengage_{result.http_status or 'unreachable'}"
            self.dead_letters.add(queued.record, reason=reason)
            return None
        return wait

    def _sync(self, inbound: InboundMessage, hash_key: str, api_key: str) -> ReportResult | None:
        """Write to the profile what was asked for, unless the person has changed it since."""
        keyword = keyword_of(inbound.text, self.keywords)
        opt_request = keyword.opt_request if keyword else None
        if opt_request is None:
            return None
        person = inbound.sub_account_id, keyed_hash(inbound.source, hash_key)
        if self.opt_outs.is_opted_out(person) is not (opt_request is OptRequest.OPT_OUT):
            return None
        return self.users.set_subscription(inbound.source, opt_request, api_key=api_key)

    def _report(
        self, inbound: InboundMessage, inbound_id: str, api_key: str
    ) -> ReportResult | None:
        """Report it as an event. An answer that is lost, MoEngage's or DynamoDB's, makes it two."""
        if inbound.reported_at:
            return None
        keyword = keyword_of(inbound.text, self.keywords)
        result = self.users.track_inbound(inbound, keyword, api_key=api_key)
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self.messages.record_inbound_reported(inbound_id, self.clock())
        return result
