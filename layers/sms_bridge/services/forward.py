"""Reports to MoEngage what became of messages, and what people write."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    CircuitTransition,
    circuit_breaker,
)

from sms_bridge.domain.arrivals import InboundMessage, InboundWork, QueuedInbound, QueuedOutcome
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import Message, Outcome, new_id
from sms_bridge.domain.opt_out import OptRequest, keyword_of
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.domain.reporting import (
    LEASE_SECONDS,
    Report,
    ReportResult,
    ReportVerdict,
    holds_lease,
    seconds_before_next_try,
    seconds_before_passing_on_again,
    seconds_while_circuit_is_open,
)
from sms_bridge.observability import Metric, logger, message_fields, metric_fields
from sms_bridge.services import steps

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerPersistenceLayer,
    )

    from sms_bridge.providers.moengage import DataApi
    from sms_bridge.services import interfaces
    from sms_bridge.settings import ForwardSettings
    from sms_bridge.storage.secret import SecretSource

NO_URL = "no_tracking_url"
"""Why outcomes are given up while no delivery-tracking URL is configured."""

CIRCUIT = "circuit moengage"

# In a row, of one function: a batch. Five would stop all while MoEngage takes most reports: fifty
# functions, every third report failing, took 15 minutes for what took 3 seconds (2026-11-27).
FAILURES_THAT_OPEN = 10

# It would log AWS's exceptions with their texts.
logging.getLogger("aws_lambda_powertools.utilities.circuit_breaker").setLevel(logging.CRITICAL)


class _FailedForNowError(Exception):
    """MoEngage may acknowledge a later report; its argument is the result of this one."""


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
class Forward:
    """Works off the outcome queue, a record a call.

    A call returns after how many seconds to try again; ``None`` when nothing is left to do.
    """

    settings: "ForwardSettings"
    messages: "interfaces.MessageStore"
    opt_outs: "interfaces.OptOuts"
    dead_letters: "interfaces.DeadLetterQueue"
    secrets: "SecretSource"
    report: Report | None
    """``None`` while no delivery-tracking URL is configured: MoEngage shows it only after the
    sender is saved. Outcomes are given up until then and can be replayed.
    """
    users: "DataApi | None"
    """``None`` while no Data API is configured."""
    clock: Clock
    chance: Callable[[], float]

    def __call__(self, queued: QueuedOutcome | QueuedInbound) -> int | None:
        if isinstance(queued, QueuedOutcome):
            return self._report(queued)
        return self._pass_on(queued, self.users) if self.users else None

    # ---------------------------------------------------------------------------------- outcomes
    def _report(self, queued: QueuedOutcome) -> int | None:
        """Report an outcome, unless it was reported.

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
            [result] = failed.args
        except CircuitBreakerOpenError:
            # That costs no try.
            if has_lease:
                self.messages.lease_outcome(message_id, owner, now, now + wait)
            return wait
        return self._record(message, message.outcome, queued.record, owner, result)

    def _record(
        self, message: Message, outcome: Outcome, record: Any, owner: str, result: ReportResult
    ) -> int | None:
        now, tries = self.clock(), message.outcome_tries + 1
        fields = {
            **message_fields(message),
            "outcome": outcome.status,
            "outcome_reason": outcome.reason or None,
            "tries": tries,
        }
        if result.verdict is ReportVerdict.ACKNOWLEDGED:
            self.messages.record_reported(message.id, outcome, now)
            seconds = steps.seconds_since(message.outcome_due_at, now)
            figures: steps.Figures = {Metric.FORWARDED: 1, Metric.SECONDS_TO_REPORTED: seconds}
            logger.info("outcome reported", **fields, **metric_fields(figures))
            return None
        wait, given_up = None, None
        if result.verdict is ReportVerdict.RETRY:
            wait = seconds_before_next_try(tries, self.chance(), result.retry_after)
        if wait is None:
            given_up = self._dead_letter(record, result)
            self.messages.record_given_up(message.id, given_up, now)
        else:
            self.messages.record_not_acknowledged(message.id, owner, now + wait)
        logger.warning(
            "outcome not acknowledged",
            **fields,
            verdict=result.verdict,
            http_status=result.http_status,
            error=result.error or None,
            given_up=given_up,
            **metric_fields({Metric.FORWARDS_GIVEN_UP if given_up else Metric.FORWARDS_RETRIED: 1}),
        )
        return wait

    def _dead_letter(self, record: Any, result: ReportResult) -> str:
        """Dead-letter a record, and return why."""
        reason = f"moengage_{result.http_status or 'unreachable'}"
        self.dead_letters.add(record, reason=reason)
        return reason

    # ------------------------------------------------------------------------ what people write
    def _pass_on(self, queued: QueuedInbound, users: "DataApi") -> int | None:
        """Pass on an inbound message, unless that was done or is no longer true."""
        inbound = self.messages.get_inbound(queued.inbound_id)
        if inbound is None:
            return None
        result = self._tell(inbound, queued, users)
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
        wait = None
        if result.verdict is ReportVerdict.RETRY:
            age = self.clock() - inbound.received_at
            wait = seconds_before_passing_on_again(age, result.retry_after)
        if wait is None and not is_acknowledged:
            self._dead_letter(queued.record, result)
        return wait

    def _tell(
        self, inbound: InboundMessage, queued: QueuedInbound, users: "DataApi"
    ) -> ReportResult | None:
        """Call MoEngage; returns ``None`` where that is not to be done."""
        secret, keyword = self.secrets.get(), keyword_of(inbound.text, self.settings.keywords)
        api_key = secret.moengage_data_api_key
        if queued.work is InboundWork.EVENT:
            if inbound.reported_at:
                return None
            result = users.track_inbound(inbound, keyword, api_key=api_key)
            if result.verdict is ReportVerdict.ACKNOWLEDGED:
                # If its answer is lost, or this write, MoEngage gets two events.
                self.messages.record_inbound_reported(queued.inbound_id, self.clock())
            return result
        opt_request = keyword.opt_request if keyword else None
        person = inbound.sub_account_id, keyed_hash(inbound.source, secret.hash_key)
        # The person may have changed it since.
        if opt_request is None or self.opt_outs.is_opted_out(person) is not (
            opt_request is OptRequest.OPT_OUT
        ):
            return None
        return users.set_subscription(inbound.source, opt_request, api_key=api_key)
