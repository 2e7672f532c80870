"""Finds messages that got stuck and moves them on; asks 8x8's log about those it has to."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sms_bridge.domain.attempt import EXPIRED, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import NOT_WITH_8X8, Message, Outcome, OutcomeStatus, State
from sms_bridge.domain.reconciliation import (
    SECONDS_OF_SILENCE,
    ExportJob,
    Finding,
    LogExport,
    finding_of,
    is_proven_absent,
    needs_log_answer,
    seconds_of_silence,
    span_to_look_at,
)
from sms_bridge.errors import ExportFailedError, NoExportError, UnreadableItemError
from sms_bridge.observability import Metric, log_failure, logger, message_fields, metric_fields
from sms_bridge.services import steps
from sms_bridge.settings import AbsentPolicy, MissingReceiptPolicy, UnresolvedPolicy

if TYPE_CHECKING:
    from sms_bridge.providers.eightx8_log import EightX8Log
    from sms_bridge.services import interfaces
    from sms_bridge.settings import ReconcileSettings

# Kept back from a run's time, to ask 8x8 about what was found.
_SECONDS_TO_ASK = 60

_SECONDS_BETWEEN_READS = 2.0
# An export that is not ready by then is asked for again.
_MAX_AGE_OF_AN_EXPORT = 3600
# Neither clock is exact.
_MARGIN = 300

_ABSENT = SendResult(
    Verdict.NOT_SENT, "not_in_log", "8x8's log shows that it does not have the message"
)
_ABSENT_FOR_GOOD = replace(_ABSENT, verdict=Verdict.PERMANENT)
_UNRESOLVED = SendResult(
    Verdict.PERMANENT, "unknown", "8x8's log does not say whether 8x8 had the message"
)
_LOG_SILENT = SendResult(
    Verdict.PERMANENT,
    "log_unreadable",
    "8x8's log could not be read for a week; 8x8 may have had the message",
)
OUTCOMES_OF_MISSING_RECEIPTS = {
    MissingReceiptPolicy.FAILED: Outcome(
        OutcomeStatus.FAILED, "no_receipt", "8x8 never sent a final receipt"
    ),
    MissingReceiptPolicy.DELIVERED: Outcome(OutcomeStatus.DELIVERED),
    MissingReceiptPolicy.NOTHING: None,
}


@dataclass(kw_only=True, eq=False, repr=False)
class Reconcile:
    """Looks through the open messages once. What fails is left to the next run."""

    settings: "ReconcileSettings"
    messages: "interfaces.MessageStore"
    outcomes: "interfaces.OutcomeQueue"
    log: "EightX8Log"
    clock: Clock
    sleep: Callable[[float], None]

    def __call__(
        self, *, time_left: Callable[[], float], scheduled_at: float = 0.0
    ) -> dict[str, int]:
        """Look, and return how often each finding was made.

        For when the run was scheduled says whether old messages are looked at; a run that somebody
        asked for (0) looks at all. ``time_left`` tells the seconds until the function is stopped.
        """
        findings: Counter[str] = Counter()
        to_ask: dict[str, list[Message]] = defaultdict(list)
        for message in self._open_messages(scheduled_at, findings):
            if time_left() < _SECONDS_TO_ASK:
                logger.warning("not all open messages were looked at")
                break
            finding = finding_of(message, self.clock(), self.settings)
            if finding is None:
                continue
            findings[finding] += 1
            if finding is Finding.ASK:
                to_ask[message.sub_account_id].append(message)
                continue
            try:
                self._fix(message, finding)
            except Exception as error:
                log_failure("message not fixed", error, message_id=message.id, finding=finding)
        for sub_account_id, messages in to_ask.items():
            answer = self._answer_of_log(sub_account_id, messages, time_left)
            for message in messages:
                try:
                    if answer:
                        self._resolve_by_log(message, *answer)
                    else:
                        self._wait_for_log(message, findings)
                except Exception as error:
                    log_failure("message not resolved", error, message_id=message.id)
        logger.info("reconciled", findings=dict(findings))
        return dict(findings)

    def _open_messages(self, scheduled_at: float, findings: Counter[str]) -> Iterator[Message]:
        """Return the messages to look at, as far as they can be listed; counts the unreadable."""

        def note(error: UnreadableItemError) -> None:
            findings[Finding.UNREADABLE] += 1
            logger.warning(
                "item cannot be read",
                message_id=error.item_id,
                reason=error.reason,
                **metric_fields({Metric.STUCK: 1}),
            )

        timeout = self.settings.unknown_timeout_seconds
        since, until = span_to_look_at(scheduled_at, self.clock(), timeout)
        try:
            yield from self.messages.open_messages(since=since, until=until, on_unreadable=note)
        except Exception as error:
            # Each run begins elsewhere; of what was found so far the log is asked all the same.
            log_failure("open messages not listed", error)

    def _fix(self, message: Message, finding: Finding) -> None:
        if finding is Finding.OVER:
            self.messages.close(message.id)
            return
        logger.warning(
            "message stuck",
            **message_fields(message),
            finding=finding,
            state=message.state,
            **metric_fields({Metric.STUCK: 1}),
        )
        match finding:
            case Finding.NEVER_SENT:
                self._resolve(message, EXPIRED, ambiguous=bool(message.ambiguous_since))
            case Finding.OUTCOME_STUCK:
                self.outcomes.add(message.id)
            case Finding.OVERDUE:
                self._give_up(message, _UNRESOLVED)
            case Finding.LOG_SILENT:
                self._give_up(message, _LOG_SILENT)

    def _give_up(self, message: Message, unresolved: SendResult) -> None:
        """End what neither a receipt nor the log has ended."""
        outcome = OUTCOMES_OF_MISSING_RECEIPTS[self.settings.missing_receipt_policy]
        is_reported = self.settings.unresolved_message_policy is UnresolvedPolicy.REPORT
        if message.state in NOT_WITH_8X8 and is_reported:
            self._resolve(message, unresolved)
        elif message.state in NOT_WITH_8X8 or outcome is None:
            self.messages.close(message.id)
        else:
            recorded = self.messages.record_outcome(message.id, outcome, self.clock())
            self._report("no final receipt came", recorded)

    def _resolve(self, message: Message, result: SendResult, *, ambiguous: bool = False) -> None:
        state = self.settings.ambiguous_send_policy.state_after(result, ambiguous=ambiguous)
        if state is State.UNKNOWN:
            # What waits is known not to be sent; only an attempt can end as ambiguous.
            message, effect, _ = self.messages.begin_attempt(message.id, self.clock())
            if effect is not Effect.MOVED:
                return
        recorded = self.messages.record_result(
            message.id, message.attempt, result, state, self.clock()
        )
        self._report(result.description, recorded)

    def _report(self, how: str, recorded: Recorded) -> None:
        """Queue the outcome that a message has now, and log how it got it."""
        steps.queue_outcome(self.outcomes, recorded, self.clock())
        outcome_fields, outcome_figures = steps.new_outcome(recorded)
        logger.info(
            "message resolved",
            **message_fields(recorded.message),
            how=how,
            state=recorded.message.state,
            **outcome_fields,
            **metric_fields(outcome_figures),
        )

    def _answer_of_log(
        self, sub_account_id: str, messages: Sequence[Message], time_left: Callable[[], float]
    ) -> tuple[ExportJob, LogExport] | None:
        """Return an export of the log, ``None`` where there is none in this run."""
        try:
            return self._ask(sub_account_id, messages, time_left)
        except ExportFailedError as error:
            logger.warning(
                "8x8's log cannot be read",
                sub_account_id=sub_account_id,
                reason=str(error),
                **metric_fields({Metric.STUCK: len(messages)}),
            )
        except Exception as error:
            log_failure("8x8's log not asked", error, sub_account_id=sub_account_id)
        return None

    def _ask(
        self, sub_account_id: str, messages: Sequence[Message], time_left: Callable[[], float]
    ) -> tuple[ExportJob, LogExport]:
        """Get one export for all that is open; one that is not ready is read by the next run."""
        job = self.messages.get_export_job(sub_account_id)
        now = self.clock()
        if job is None or now - job.asked_at > _MAX_AGE_OF_AN_EXPORT:
            since = min(one.accepted_at for one in messages) - _MARGIN
            job = self.log.ask(sub_account_id, since=since, until=now)
            self.messages.put_export_job(job)
        ids = [message.id for message in messages]
        try:
            while (export := self.log.read(job, ids, received_at=self.clock())) is None:
                if time_left() < _SECONDS_TO_ASK / 2:
                    raise ExportFailedError("export_not_ready")
                self.sleep(_SECONDS_BETWEEN_READS)
        except NoExportError:
            # 8x8 makes no second export meanwhile, so after any other failure the job stays.
            self.messages.remove_export_job(sub_account_id)
            raise
        self.messages.remove_export_job(sub_account_id)
        return job, export

    def _wait_for_log(self, message: Message, findings: Counter[str]) -> None:
        """Note since when the log does not answer, or give up."""
        now = self.clock()
        silence = seconds_of_silence(message, now, self.settings)
        if silence > SECONDS_OF_SILENCE:
            findings[Finding.LOG_SILENT] += 1
            self._fix(message, Finding.LOG_SILENT)
        elif not silence:
            self.messages.record_log(message.id, now, has_answered=False)

    def _resolve_by_log(self, message: Message, job: ExportJob, export: LogExport) -> None:
        if message.accepted_at < job.since:
            return  # it is not in the export, which was asked for on account of younger ones
        receipt = export.receipts.get(message.id)
        if receipt is not None:
            recorded = self.messages.record_receipt(message.id, receipt, receipt.outcome)
            if recorded.effect is Effect.MOVED:
                self._report("8x8's log shows it", recorded)
            else:
                steps.queue_outcome(self.outcomes, recorded, self.clock())
            if recorded.message.outcome:
                return
        elif is_proven_absent(message, export.newest):
            policy = self.settings.absent_message_policy
            # Its record is in the send queue and has the text.
            can_be_sent = policy is AbsentPolicy.RESEND and message.send_before > self.clock()
            if policy is AbsentPolicy.LEAVE:
                self.messages.close(message.id)
            else:
                self._resolve(message, _ABSENT if can_be_sent else _ABSENT_FOR_GOOD)
            return
        if needs_log_answer(message, self.settings):
            self.messages.record_log(message.id, self.clock(), has_answered=True)
