"""Tells MoEngage the outcome of a message."""

import random
import time
from collections.abc import Callable
from math import ceil
from typing import Protocol

from sms_bridge.domain.clock import Clock, seconds_of, timestamp
from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.outcome import (
    SECONDS_TO_REPORT,
    Breaker,
    ReportResult,
    ReportVerdict,
    is_exhausted,
    is_first_to_report,
    seconds_before_next_try,
)
from sms_bridge.observability import Metric, identity_of, logger, measured
from sms_bridge.services.interfaces import DeadLetterQueue, MessageStore
from sms_bridge.services.log_lines import seconds_since
from sms_bridge.storage.queues import outcome_body

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
    ) -> None:
        self._messages = messages
        self._listener = listener
        self._dead_letters = dead_letters
        self._clock = clock
        self._chance = chance
        self._breaker = Breaker()

    def __call__(self, message_id: str, received: int = 0) -> int | None:
        """Tell the outcome, unless MoEngage has heard it.

        Parameters
        ----------
        received
            How often the record that it is held for was received; 0 if another one asks.

        Returns
        -------
        int or None
            After how many seconds to try again; ``None`` when there is nothing left to do.
        """
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
        wait = self._seconds_to_wait(message, received)
        if wait:
            return wait
        result = self._listener.report(message, message.outcome)
        self._breaker.note(result.verdict, self._clock())
        return self._record(message, message.outcome, result)

    def _seconds_to_wait(self, message: Message, received: int) -> int:
        """Return 0 when the outcome is this record's to tell now.

        It has to wait while its turn has not come, while another record of it is worked on (SQS
        delivers some twice, and `reconcile` may add one), and while a break is on. The wait is
        written down, so that `reconcile` sees that it is in good hands.
        """
        now = self._clock()
        due_at = seconds_of(message.outcome_due_at)
        held_until = seconds_of(message.outcome_next_try_at or message.outcome_due_at)
        is_first = is_first_to_report(due_at, held_until, received, now)
        wait = self._breaker.seconds_to_wait(now, self._chance())
        if is_first and not wait:
            return 0
        turn = timestamp(held_until if is_first else now)
        until = timestamp(now + (wait or SECONDS_TO_REPORT))
        if self._messages.hold_outcome(message.id, turn, until):
            return wait
        return ceil(held_until - now) if held_until > now else SECONDS_TO_REPORT

    def _record(self, message: Message, outcome: Outcome, result: ReportResult) -> int | None:
        now = self._clock()
        tries = message.outcome_tries + 1
        given_up, wait = "", None
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self._messages.record_reported(message.id, timestamp(now))
            values = {
                Metric.FORWARDED: 1.0,
                Metric.SECONDS_TO_REPORTED: seconds_since(message.outcome_due_at, now),
            }
        elif result.verdict is ReportVerdict.REFUSED or is_exhausted(tries):
            given_up = f"moengage_{result.http_status or 'unreachable'}"
            self._dead_letters.add(outcome_body(message.id), reason=given_up)
            self._messages.record_given_up(message.id, given_up, timestamp(now))
            values = {Metric.FORWARDS_GIVEN_UP: 1}
        else:
            wait = seconds_before_next_try(tries, self._chance(), result.retry_after)
            self._messages.record_not_taken(message.id, timestamp(now + wait))
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
