"""Tells MoEngage the outcome of a message."""

import random
import time
from collections.abc import Callable
from math import ceil
from typing import Protocol

from sms_bridge.domain.clock import Clock, seconds_of, timestamp
from sms_bridge.domain.message import Message, NewId, Outcome, new_id
from sms_bridge.domain.outcome import (
    LEASE_SECONDS,
    Breaker,
    ReportResult,
    ReportVerdict,
    holds_lease,
    is_exhausted,
    seconds_before_next_try,
)
from sms_bridge.observability import Metric, identity_of, logger, measured
from sms_bridge.services.interfaces import DeadLetterQueue, MessageStore, QueuedOutcome
from sms_bridge.services.log_lines import seconds_since

NO_URL = "no_tracking_url"
"""Why outcomes are given up while no delivery-tracking URL is configured."""


class Listener(Protocol):
    """Hears outcomes, as :class:`sms_bridge.providers.moengage.DeliveryTracking` does."""

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        """Tell it one outcome, once."""


class ForwardOutcome:
    """Tells an outcome that is open.

    Parameters
    ----------
    listener
        ``None`` while no delivery-tracking URL is configured: MoEngage shows it only after the
        sender is saved. Outcomes are given up until then and can be replayed.
    chance
        A number between 0 and 1, for the jitter.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        listener: Listener | None,
        dead_letters: DeadLetterQueue,
        clock: Clock = time.time,
        chance: Callable[[], float] = random.random,
        new_id: NewId = new_id,
    ) -> None:
        self._messages = messages
        self._listener = listener
        self._dead_letters = dead_letters
        self._clock = clock
        self._chance = chance
        self._new_id = new_id
        self._breaker = Breaker()

    def __call__(self, queued: QueuedOutcome) -> int | None:
        """Report the outcome, unless MoEngage has heard it.

        Returns
        -------
        int or None
            After how many seconds to try again; ``None`` when there is nothing left to do.
        """
        message_id = queued.message_id
        message = self._messages.get(message_id)
        if message is None or message.outcome is None or not message.outcome_is_open:
            logger.info("no open outcome", message_id=message_id)
            return None
        if self._listener is None:
            now = self._clock()
            self._messages.record_given_up(message_id, NO_URL, timestamp(now))
            logger.warning(
                "no delivery-tracking URL is configured",
                **identity_of(message),
                given_up=NO_URL,
                **measured({Metric.FORWARDS_GIVEN_UP: 1}, now),
            )
            return None
        owner, wait = self._lease(message, queued)
        if wait:
            return wait
        result = self._listener.report(message, message.outcome)
        self._breaker.note(result.verdict, self._clock())
        return self._record(message, message.outcome, owner, result)

    def _lease(self, message: Message, queued: QueuedOutcome) -> tuple[str, int]:
        """Return who may report the outcome, and 0 when that is this record, now.

        It has to wait while its turn has not come, while another record of it is worked on (SQS
        delivers some twice, and `reconcile` may add one), and while a break is on. The wait is
        written down, so that `reconcile` sees that it is in good hands.
        """
        now = self._clock()
        has_lease = holds_lease(message, lease=queued.lease, receives=queued.receives, now=now)
        wait = self._breaker.seconds_to_wait(now, self._chance())
        if has_lease and not wait:
            return queued.lease, 0
        owner = queued.lease if has_lease else self._new_id()
        until = timestamp(now + (wait or LEASE_SECONDS))
        if self._messages.lease_outcome(message.id, owner, timestamp(now), until):
            return owner, wait
        turn = max(message.outcome_next_try_at, message.outcome_lease_until)
        left = ceil(seconds_of(turn) - now) if turn else 0
        return owner, left if left > 0 else LEASE_SECONDS

    def _record(
        self, message: Message, outcome: Outcome, owner: str, result: ReportResult
    ) -> int | None:
        now = self._clock()
        tries = message.outcome_tries + 1
        given_up, wait = "", None
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self._messages.record_reported(message.id, outcome, timestamp(now))
            values = {
                Metric.FORWARDED: 1.0,
                Metric.SECONDS_TO_REPORTED: seconds_since(message.outcome_due_at, now),
            }
        elif result.verdict is ReportVerdict.REFUSED or is_exhausted(tries):
            given_up = f"moengage_{result.http_status or 'unreachable'}"
            self._dead_letters.add_outcome(message.id, reason=given_up)
            self._messages.record_given_up(message.id, given_up, timestamp(now))
            values = {Metric.FORWARDS_GIVEN_UP: 1}
        else:
            wait = seconds_before_next_try(tries, self._chance(), result.retry_after)
            self._messages.record_not_acknowledged(message.id, owner, timestamp(now + wait))
            values = {Metric.FORWARDS_RETRIED: 1}
        heard = result.verdict is ReportVerdict.ACKNOWLEDGED
        log = logger.info if heard else logger.warning
        log(
            "outcome told" if heard else "outcome not taken",
            **identity_of(message),
            outcome=outcome.status,
            outcome_reason=outcome.reason,
            # When all is well they say nothing.
            verdict="" if heard else result.verdict,
            http_status="" if heard else result.http_status,
            error=result.error,
            tries=tries if tries > 1 or not heard else "",
            given_up=given_up,
            **measured(values, now),
        )
        return wait
