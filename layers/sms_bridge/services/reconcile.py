"""Finds messages that got stuck and moves them on; asks 8x8 about those that only it can settle."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from sms_bridge.domain.clock import Clock, seconds_of, timestamp
from sms_bridge.domain.message import Message
from sms_bridge.domain.outcome import outcome_of_receipt
from sms_bridge.domain.reconciliation import (
    AbsentPolicy,
    Finding,
    MissingReceiptPolicy,
    Timeouts,
    UnresolvedPolicy,
    finding_of,
    is_proven_absent,
    outcome_of_missing_receipt,
)
from sms_bridge.domain.retry_policy import RetryPolicy
from sms_bridge.domain.send_result import EXPIRED, SendResult, Verdict
from sms_bridge.domain.state import NOT_WITH_8X8, State
from sms_bridge.observability import Metric, identity_of, log_failure, logger, measured
from sms_bridge.providers.eightx8_log import ExportFailedError, LogEntry, NoExportError
from sms_bridge.services.due_outcomes import queue_outcome
from sms_bridge.services.interfaces import (
    ExportJob,
    ExportJobs,
    MessageStore,
    OutcomeQueue,
    Recorded,
)
from sms_bridge.services.log_lines import new_outcome_of
from sms_bridge.values import changed, value

# Younger messages are on their way.
_MIN_AGE = 60

_SECONDS_BETWEEN_READS = 2.0
# An export that is not ready by then is asked for anew.
_MAX_AGE_OF_AN_EXPORT = 3600
# Neither clock is exact.
_MARGIN = 300

_ABSENT = SendResult(
    verdict=Verdict.NOT_SENT,
    reason="not_in_log",
    description="8x8's log shows that it does not have the message",
)
_ABSENT_FOR_GOOD = SendResult(
    verdict=Verdict.PERMANENT, reason=_ABSENT.reason, description=_ABSENT.description
)
_UNRESOLVED = SendResult(
    verdict=Verdict.PERMANENT,
    reason="unknown",
    description="Nothing tells whether 8x8 had the message",
)


class Log(Protocol):
    """8x8's log, as :class:`sms_bridge.providers.eightx8_log.LogExports` reads it."""

    def ask(self, sub_account_id: str, *, since: str, until: str) -> str:
        """Ask for the log of a time span; returns a job id."""

    def read(self, sub_account_id: str, job_id: str, received_at: str) -> list[LogEntry] | None:
        """Return the log, ``None`` while it is not ready."""


@value(kw_only=True)
class ReconcilePlan:
    """What this deployment's operator chose."""

    timeouts: Timeouts
    resend: RetryPolicy
    absent: AbsentPolicy
    unresolved: UnresolvedPolicy
    missing_receipt: MissingReceiptPolicy


class Reconcile:
    """Looks through all open messages once."""

    def __init__(
        self,
        plan: ReconcilePlan,
        *,
        messages: MessageStore,
        outcomes: OutcomeQueue,
        jobs: ExportJobs,
        log: Log,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plan = plan
        self._messages = messages
        self._outcomes = outcomes
        self._jobs = jobs
        self._log = log
        self._clock = clock
        self._sleep = sleep

    def __call__(self, *, time_left: Callable[[], float]) -> dict[str, int]:
        """Do it, and return how often each finding was made.

        Parameters
        ----------
        time_left
            Seconds until the function is stopped.
        """
        findings: Counter[str] = Counter()
        to_ask: dict[str, list[Message]] = defaultdict(list)
        for message in self._messages.open_messages(until=timestamp(self._clock() - _MIN_AGE)):
            if time_left() < _MIN_AGE / 2:
                break
            finding = finding_of(message, self._clock(), self._plan.timeouts)
            if finding is None:
                continue
            findings[finding] += 1
            if finding is Finding.ASK:
                to_ask[message.sub_account_id].append(message)
                continue
            try:
                self._fix(message, finding)
            except Exception as error:
                log_failure("message not mended", error, message_id=message.id, finding=finding)
        for sub_account_id, messages in to_ask.items():
            try:
                self._ask(sub_account_id, messages, time_left)
            except ExportFailedError as error:
                # Anything else may go well the next time; 8x8 makes no second export meanwhile.
                if isinstance(error, NoExportError):
                    self._jobs.remove(sub_account_id)
                logger.warning(
                    "8x8's log cannot be read", sub_account_id=sub_account_id, reason=str(error)
                )
            except Exception as error:
                log_failure("8x8 not asked", error, sub_account_id=sub_account_id)
        logger.info("reconciled", findings=dict(findings))
        return dict(findings)

    # --------------------------------------------------------------------------- what we can tell
    def _fix(self, message: Message, finding: Finding) -> None:
        logger.warning(
            "message stuck",
            **identity_of(message),
            finding=finding,
            state=message.state,
            **measured({Metric.STUCK: 1}, self._clock()),
        )
        match finding:
            case Finding.NEVER_SENT:
                self._resolve_expired(message)
            case Finding.OUTCOME_STUCK:
                self._outcomes.add(message.id)
            case Finding.OVERDUE if message.state in NOT_WITH_8X8:
                if self._plan.unresolved is UnresolvedPolicy.REPORT:
                    self._resolve(message, _UNRESOLVED)
                else:
                    self._messages.close(message.id)
            case Finding.OVERDUE:
                outcome = outcome_of_missing_receipt(self._plan.missing_receipt)
                if outcome is None:
                    self._messages.close(message.id)
                    return
                now = self._clock()
                recorded = self._messages.record_outcome(message.id, outcome, timestamp(now))
                queue_outcome(self._outcomes, recorded, now)
                self._log_resolved("no final receipt came", recorded)

    def _resolve_expired(self, message: Message) -> None:
        ambiguous = bool(message.ambiguous_since)
        if self._plan.resend.state_after(EXPIRED, ambiguous=ambiguous) is State.UNKNOWN:
            # What waits is known not to be sent; only an attempt can end in doubt.
            attempt = self._messages.begin_attempt(message.id, timestamp(self._clock()))
            if not attempt.begun:
                return
            message = changed(message, attempt=attempt.number)
        self._resolve(message, EXPIRED, ambiguous=ambiguous)

    def _resolve(self, message: Message, result: SendResult, *, ambiguous: bool = False) -> None:
        now = self._clock()
        recorded = self._messages.record_result(
            message.id,
            message.attempt,
            result,
            self._plan.resend.state_after(result, ambiguous=ambiguous),
            timestamp(now),
        )
        queue_outcome(self._outcomes, recorded, now)
        self._log_resolved(result.description, recorded)

    def _log_resolved(self, how: str, recorded: Recorded) -> None:
        outcome, values = new_outcome_of(recorded)
        logger.info(
            "message settled",
            **identity_of(recorded.message),
            how=how,
            state=recorded.message.state,
            **outcome,
            **measured({Metric.RESOLVED: 1, **values}, self._clock()),
        )

    # ---------------------------------------------------------------------------- what 8x8 can tell
    def _ask(
        self, sub_account_id: str, messages: Sequence[Message], time_left: Callable[[], float]
    ) -> None:
        """Get one export for all that is open, and settle what it tells.

        An export that is not ready is read by the next run.
        """
        since = timestamp(min(seconds_of(one.accepted_at) for one in messages) - _MARGIN)
        now = timestamp(self._clock())
        job = self._jobs.get(sub_account_id)
        too_old = job and self._clock() - seconds_of(job.asked_at) > _MAX_AGE_OF_AN_EXPORT
        if job is None or too_old:
            job_id = self._log.ask(sub_account_id, since=since, until=now)
            job = ExportJob(sub_account_id, job_id, since, now)
            self._jobs.put(job)
        while True:
            entries = self._log.read(sub_account_id, job.job_id, timestamp(self._clock()))
            if entries is not None:
                break
            if time_left() < _MIN_AGE:
                return
            self._sleep(_SECONDS_BETWEEN_READS)
        self._jobs.remove(sub_account_id)
        by_message = {entry.receipt.client_message_id: entry for entry in entries}
        newest = max((entry.taken_at for entry in entries), default=0.0)
        for message in messages:
            # What was taken before the export's span is not in it.
            if message.accepted_at < job.since:
                continue
            try:
                self._resolve_by_log(message, by_message.get(message.id), newest)
            except Exception as error:
                log_failure("message not settled", error, message_id=message.id)

    def _resolve_by_log(self, message: Message, entry: LogEntry | None, newest: float) -> None:
        if entry is not None:
            now = self._clock()
            outcome = outcome_of_receipt(entry.receipt)
            recorded = self._messages.record_receipt(message.id, entry.receipt, outcome)
            queue_outcome(self._outcomes, recorded, now)
            self._log_resolved("settled by 8x8's log", recorded)
        elif is_proven_absent(message, newest):
            self._resolve_absent(message)

    def _resolve_absent(self, message: Message) -> None:
        can_be_sent = seconds_of(message.send_before) > self._clock()
        match self._plan.absent:
            case AbsentPolicy.RESEND if can_be_sent:
                # Its record is in the send queue and has the text.
                self._resolve(message, _ABSENT)
            case AbsentPolicy.LEAVE:
                self._messages.close(message.id)
            case _:
                self._resolve(message, _ABSENT_FOR_GOOD)
