"""Reports the outcome of a message to MoEngage."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    CircuitTransition,
    circuit_breaker,
)

from sms_bridge.domain.arrivals import QueuedOutcome
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import Message, Outcome, new_id
from sms_bridge.domain.reporting import (
    LEASE_SECONDS,
    Report,
    ReportResult,
    ReportVerdict,
    holds_lease,
    seconds_before_next_try,
    seconds_while_circuit_is_open,
)
from sms_bridge.observability import Metric, logger, message_fields, metric_fields
from sms_bridge.services import steps

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerPersistenceLayer,
    )

    from sms_bridge.services import interfaces

NO_URL = "no_tracking_url"
"""Why outcomes are given up while no delivery-tracking URL is configured."""

CIRCUIT = "circuit moengage"

# In a row, of one function: a batch. Five would stop all while MoEngage takes most reports: fifty
# functions, every third report failing, took 15 minutes for what took 3 seconds (2026-11-27).
FAILURES_THAT_OPEN = 10

# It would log AWS's exceptions with their texts.
logging.getLogger("aws_lambda_powertools.utilities.circuit_breaker").setLevel(logging.CRITICAL)


class _FailedForNowError(Exception):
    """MoEngage may acknowledge a later report."""

    def __init__(self, result: ReportResult) -> None:
        super().__init__()
        self.result = result


def behind_circuit(report: Report, states: "CircuitBreakerPersistenceLayer") -> Report:
    """Return a report that raises where MoEngage may acknowledge a later one.

    While MoEngage is down all functions' reports are stopped, by `CircuitBreakerOpenError`. Half a
    minute later one is let through. Where the state cannot be read, all are.
    """

    def log(transition: CircuitTransition) -> None:
        before, now = transition.from_state, transition.to_state
        logger.warning("circuit changed", circuit="MoEngage", before=before, now=now)

    def counted(message: Message, outcome: Outcome) -> ReportResult:
        result = report(message, outcome)
        if result.verdict is ReportVerdict.RETRY:
            raise _FailedForNowError(result)
        return result

    config = CircuitBreakerConfig(FAILURES_THAT_OPEN, recovery_timeout=30, success_threshold=1)
    guarded: Report = circuit_breaker(CIRCUIT, states, on_transition=log, config=config)(counted)
    return guarded


@dataclass(kw_only=True, eq=False, repr=False)
class ForwardOutcome:
    """Reports an outcome that is open."""

    messages: "interfaces.MessageStore"
    report: Report | None
    """``None`` while no delivery-tracking URL is configured: MoEngage shows it only after the
    sender is saved. Outcomes are given up until then and can be replayed.
    """
    dead_letters: "interfaces.DeadLetterQueue"
    clock: Clock
    chance: Callable[[], float]

    def __call__(self, queued: QueuedOutcome) -> int | None:
        """Report the outcome, unless it was reported.

        Returns after how many seconds to try again; ``None`` when there is nothing left to do.
        Another record of it may be handled meanwhile (SQS delivers some twice, and `reconcile` may
        add one), so it is leased first.
        """
        message_id = queued.message_id
        message = self.messages.get_outcome(message_id)
        if message is None or message.outcome is None or not message.outcome_is_open:
            logger.info("no open outcome", message_id=message_id)
            return None
        now = self.clock()
        if self.report is None:
            self.messages.record_given_up(message_id, NO_URL, now)
            logger.warning(
                "no delivery-tracking URL is configured",
                **message_fields(message),
                given_up=NO_URL,
                **metric_fields({Metric.FORWARDS_GIVEN_UP: 1}),
            )
            return None
        # It comes back then if the circuit is open. Until then it is leased, so that `reconcile`
        # does not take it for stuck.
        wait = seconds_while_circuit_is_open(now - message.outcome_due_at, self.chance())
        owner = queued.lease
        has_lease = holds_lease(message, lease=owner, receives=queued.receives, now=now)
        if not has_lease:
            owner = new_id()
            if not self.messages.lease_outcome(message_id, owner, now, now + wait):
                turn = max(message.outcome_next_try_at, message.outcome_lease_until)
                return max(0, ceil(turn - now)) or LEASE_SECONDS
            # Time has passed: the outcome may have changed, or have been reported.
            message = self.messages.get_outcome(message_id) or message
        if message.outcome is None or not message.outcome_is_open:
            return None
        try:
            result = self.report(message, message.outcome)
        except _FailedForNowError as failed:
            result = failed.result
        except CircuitBreakerOpenError:
            # That costs no try.
            if has_lease:
                self.messages.lease_outcome(message_id, owner, now, now + wait)
            return wait
        return self._record(message, message.outcome, queued.body, owner, result)

    def _record(
        self, message: Message, outcome: Outcome, body: str, owner: str, result: ReportResult
    ) -> int | None:
        now = self.clock()
        tries = message.outcome_tries + 1
        given_up, wait = None, None
        if result.verdict is ReportVerdict.RETRY:
            wait = seconds_before_next_try(tries, self.chance(), result.retry_after)
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self.messages.record_reported(message.id, outcome, now)
            seconds = steps.seconds_since(message.outcome_due_at, now)
            figures: steps.Figures = {Metric.FORWARDED: 1, Metric.SECONDS_TO_REPORTED: seconds}
        elif wait is None:
            given_up = f"moengage_{result.http_status or 'unreachable'}"
            self.dead_letters.add(body, reason=given_up)
            self.messages.record_given_up(message.id, given_up, now)
            figures = {Metric.FORWARDS_GIVEN_UP: 1}
        else:
            self.messages.record_not_acknowledged(message.id, owner, now + wait)
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
