"""Passes on to MoEngage that a person opted out or in."""

import time
from typing import Protocol

from sms_bridge.domain.clock import Clock, seconds_of
from sms_bridge.domain.opt_out import Keywords, OptRequest, opt_request_of
from sms_bridge.domain.outcome import ReportResult, ReportVerdict, seconds_before_next_opt_out_sync
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.observability import logger
from sms_bridge.services.interfaces import DeadLetterQueue, MessageStore, OptOuts
from sms_bridge.storage.queues import outcome_body


class Profiles(Protocol):
    """Writes user profiles, as :class:`sms_bridge.providers.moengage.UserProfiles` does."""

    def set_subscription(
        self, number: str, opt_request: OptRequest, *, api_key: str
    ) -> ReportResult:
        """Write down what a person wishes, once. Doing it twice changes nothing."""


class SyncOptOut:
    """Passes on one wish.

    Parameters
    ----------
    keywords
        By which people opt out and in, in upper case.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        opt_outs: OptOuts,
        profiles: Profiles,
        dead_letters: DeadLetterQueue,
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
        """Pass on the wish of an inbound message, unless the person has changed it since.

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
            "wish passed on" if result.verdict is ReportVerdict.ACKNOWLEDGED else "wish not taken",
            inbound_id=inbound_id,
            opt_request=opt_request,
            verdict=result.verdict,
            http_status=result.http_status,
            error=result.error,
        )
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            return None
        wait = seconds_before_next_opt_out_sync(self._clock() - seconds_of(inbound.received_at))
        if result.verdict is ReportVerdict.REFUSED or wait is None:
            reason = f"moengage_{result.http_status or 'unreachable'}"
            self._dead_letters.add(outcome_body(inbound_id), reason=reason)
            return None
        return wait
