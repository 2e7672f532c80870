"""Records in MoEngage that a person opted out or in."""

import time
from typing import TYPE_CHECKING

from sms_bridge.domain.clock import Clock
from sms_bridge.domain.opt_out import Keywords, OptRequest, opt_request_of
from sms_bridge.domain.outcome import ReportVerdict, seconds_before_next_opt_out_sync
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.observability import logger

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import DeadLetterQueue, MessageStore, OptOuts, Profiles


class SyncOptOut:
    """Writes one opt-out or opt-in to the user's profile.

    Parameters
    ----------
    keywords
        By which people opt out and in.
    """

    def __init__(
        self,
        *,
        messages: "MessageStore",
        opt_outs: "OptOuts",
        profiles: "Profiles",
        dead_letters: "DeadLetterQueue",
        keywords: Keywords,
        clock: Clock = time.time,
    ) -> None:
        self._messages = messages
        self._opt_outs = opt_outs
        self._profiles = profiles
        self._dead_letters = dead_letters
        self._keywords = keywords
        self._clock = clock

    def __call__(self, inbound_id: str, *, hash_key: str, api_key: str) -> int | None:
        """Write what an inbound message asks for, unless the person has changed it since.

        Returns
        -------
        int or None
            After how many seconds to try again; ``None`` when there is nothing left to do.
        """
        inbound = self._messages.get_inbound(inbound_id)
        opt_request = opt_request_of(inbound.text, self._keywords) if inbound else None
        if inbound is None or opt_request is None:
            return None
        person = inbound.sub_account_id, keyed_hash(inbound.source, hash_key)
        if self._opt_outs.is_opted_out(person) is not (opt_request is OptRequest.OPT_OUT):
            return None
        result = self._profiles.set_subscription(inbound.source, opt_request, api_key=api_key)
        logger.info(
            "opt-out synced"
            if result.verdict is ReportVerdict.ACKNOWLEDGED
            else "opt-out not synced",
            inbound_id=inbound_id,
            opt_request=opt_request,
            verdict=result.verdict,
            http_status=result.http_status,
            error=result.error or None,
        )
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            return None
        wait = seconds_before_next_opt_out_sync(self._clock() - inbound.received_at)
        if result.verdict is ReportVerdict.REFUSED or wait is None:
            reason = f"moengage_{result.http_status or 'unreachable'}"
            self._dead_letters.add_inbound(inbound_id, reason=reason)
            return None
        return wait
