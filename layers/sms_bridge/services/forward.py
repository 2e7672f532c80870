"""Reports the outcome of a message to MoEngage."""

import random
import time
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import Message, NewId, Outcome, new_id
from sms_bridge.domain.outcome import LEASE_SECONDS, holds_lease
from sms_bridge.domain.queued import QueuedOutcome
from sms_bridge.domain.reporting import (
    Breaker,
    ReportResult,
    ReportVerdict,
    is_exhausted,
    seconds_before_next_try,
)
from sms_bridge.observability import Metric, logger, message_fields, metric_fields
from sms_bridge.services.steps import Figures, seconds_since

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import DeadLetterQueue, DeliveryReports, MessageStore

NO_URL = "no_tracking_url"
"""Why outcomes are given up while no delivery-tracking URL is configured."""


class ForwardOutcome:
    """Reports an outcome that is open.

    ``reports`` is ``None`` while no delivery-tracking URL is configured: MoEngage shows it only
    after the sender is saved. Outcomes are given up until then and can be replayed.
    """

    def __init__(
        self,
        *,
        messages: "MessageStore",
        reports: "DeliveryReports | None",
        dead_letters: "DeadLetterQueue",
        clock: Clock = time.time,
        chance: Callable[[], float] = random.random,
        new_id: NewId = new_id,
    ) -> None:
        self._messages = messages
        self._reports = reports
        self._dead_letters = dead_letters
        self._clock = clock
        self._chance = chance
        self._new_id = new_id
        self._breaker = Breaker()

    def __call__(self, queued: QueuedOutcome) -> int | None:
        """Report the outcome, unless it was reported.

        Returns after how many seconds to try again; ``None`` when there is nothing left to do.
        """
        message_id = queued.message_id
        message = self._messages.get_outcome(message_id)
        if message is None or message.outcome is None or not message.outcome_is_open:
            logger.info("no open outcome", message_id=message_id)
            return None
        if self._reports is None:
            now = self._clock()
            self._messages.record_given_up(message_id, NO_URL, now)
            logger.warning(
                "no delivery-tracking URL is configured",
                **message_fields(message),
                given_up=NO_URL,
                **metric_fields({Metric.FORWARDS_GIVEN_UP: 1}),
            )
            return None
        owner, wait = self._lease(message, queued)
        if wait:
            return wait
        if owner != queued.lease:
            # Time has passed: the outcome may have changed, or have been reported.
            message = self._messages.get_outcome(message_id) or message
        if message.outcome is None or not message.outcome_is_open:
            return None
        result = self._reports.report(message, message.outcome)
        self._breaker.note(result.verdict, self._clock())
        return self._record(message, message.outcome, owner, result)

    def _lease(self, message: Message, queued: QueuedOutcome) -> tuple[str, int]:
        """Return who may report the outcome, and 0 when that is this record, now.

        It has to wait until its next try is due, while another record of it is handled (SQS
        delivers some twice, and `reconcile` may add one), and while the circuit breaker is open.
        The wait is recorded, so that `reconcile` does not take the outcome for stuck.
        """
        now = self._clock()
        has_lease = holds_lease(message, lease=queued.lease, receives=queued.receives, now=now)
        wait = self._breaker.seconds_to_wait(now, self._chance())
        if has_lease and not wait:
            return queued.lease, 0
        owner = queued.lease if has_lease else self._new_id()
        until = now + (wait or LEASE_SECONDS)
        if self._messages.lease_outcome(message.id, owner, now, until):
            return owner, wait
        turn = max(message.outcome_next_try_at, message.outcome_lease_until)
        left = ceil(turn - now) if turn else 0
        return owner, left if left > 0 else LEASE_SECONDS

    def _record(
        self, message: Message, outcome: Outcome, owner: str, result: ReportResult
    ) -> int | None:
        now = self._clock()
        tries = message.outcome_tries + 1
        given_up, wait = None, None
        figures: Figures
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self._messages.record_reported(message.id, outcome, now)
            figures = {
                Metric.FORWARDED: 1,
                Metric.SECONDS_TO_REPORTED: seconds_since(message.outcome_due_at, now),
            }
        elif result.verdict is ReportVerdict.REFUSED or is_exhausted(tries):
            given_up = f"moengage_{result.http_status or 'unreachable'}"
            self._dead_letters.add_outcome(message.id, reason=given_up)
            self._messages.record_given_up(message.id, given_up, now)
            figures = {Metric.FORWARDS_GIVEN_UP: 1}
        else:
            wait = seconds_before_next_try(tries, self._chance(), result.retry_after)
            self._messages.record_not_acknowledged(message.id, owner, now + wait)
            figures = {Metric.FORWARDS_RETRIED: 1}
        fields = {
            **message_fields(message),
            "outcome": outcome.status,
            "outcome_reason": outcome.reason or None,
            "tries": tries,
            **metric_fields(figures),
        }
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            logger.info("outcome reported", **fields)
        else:
            logger.warning(
                "outcome not acknowledged",
                **fields,
                verdict=result.verdict,
                http_status=result.http_status,
                error=result.error or None,
                given_up=given_up,
            )
        return wait
