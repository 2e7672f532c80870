"""Finds messages that got stuck and moves them on; asks 8x8's log about those it has to."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
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

# So many items that cannot be read are named in a run's line.
_NAMED_AT_MOST = 20


@dataclass(kw_only=True, eq=False, repr=False)
class Reconcile:
    """Looks through the open messages once. What fails is left to the next run."""

    settings: "ReconcileSettings"
    messages: "interfaces.MessageStore"
    outcomes: "interfaces.OutcomeQueue"
    log: "interfaces.Log"
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
        unreadable: list[str] = []
        to_ask: dict[str, list[Message]] = defaultdict(list)
        for message in self._open_messages(scheduled_at, unreadable):
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
            if not self._has_answered(sub_account_id, messages, time_left):
                findings[Finding.LOG_SILENT] += self._count_silence(messages)
        findings[Finding.UNREADABLE] = len(unreadable)
        found = dict(+findings)
        logger.info(
            "reconciled",
            findings=found,
            unreadable=unreadable[:_NAMED_AT_MOST] or None,
            **(metric_fields({Metric.STUCK: len(unreadable)}) if unreadable else {}),
        )
        return found

    def _open_messages(self, scheduled_at: float, unreadable: list[str]) -> Iterator[Message]:
        """Return the messages to look at, as far as they can be listed; notes the unreadable."""

        def note(error: UnreadableItemError) -> None:
            logger.warning("item cannot be read", message_id=error.item_id, reason=error.reason)
            unreadable.append(error.item_id)

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
                self._resolve_expired(message)
            case Finding.OUTCOME_STUCK:
                self.outcomes.add(message.id)
            case Finding.OVERDUE:
                self._give_up(message, _UNRESOLVED)
            case Finding.LOG_SILENT:
                self._give_up(message, _LOG_SILENT)

    def _resolve_expired(self, message: Message) -> None:
        ambiguous = bool(message.ambiguous_since)
        policy = self.settings.ambiguous_send_policy
        if policy.state_after(EXPIRED, ambiguous=ambiguous) is State.UNKNOWN:
            # What waits is known not to be sent; only an attempt can end as ambiguous.
            message, effect, _ = self.messages.begin_attempt(message.id, self.clock())
            if effect is not Effect.MOVED:
                return
        self._resolve(message, EXPIRED, ambiguous=ambiguous)

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

    def _has_answered(
        self, sub_account_id: str, messages: Sequence[Message], time_left: Callable[[], float]
    ) -> bool:
        """Ask the log; returns whether it answered, or may still do so."""
        try:
            return self._ask(sub_account_id, messages, time_left)
        except ExportFailedError as error:
            # 8x8 makes no second export meanwhile, so any other failure is tried again.
            if isinstance(error, NoExportError):
                self._forget_job(sub_account_id)
            logger.warning(
                "8x8's log cannot be read",
                sub_account_id=sub_account_id,
                reason=str(error),
                **metric_fields({Metric.STUCK: len(messages)}),
            )
        except Exception as error:
            log_failure("8x8's log not asked", error, sub_account_id=sub_account_id)
        return False

    def _count_silence(self, messages: Sequence[Message]) -> int:
        """Note since when the log does not answer; fixes, and counts, what waits no longer."""
        fixed = 0
        for message in messages:
            now = self.clock()
            silence = seconds_of_silence(message, now, self.settings)
            is_over = silence > SECONDS_OF_SILENCE
            try:
                if is_over:
                    self._fix(message, Finding.LOG_SILENT)
                elif not silence:
                    self.messages.record_log(message.id, now, has_answered=False)
            except Exception as error:
                log_failure("message not fixed", error, message_id=message.id)
            fixed += is_over
        return fixed

    def _ask(
        self, sub_account_id: str, messages: Sequence[Message], time_left: Callable[[], float]
    ) -> bool:
        """Get one export for all that is open, and resolve what it shows.

        An export that is not ready is read by the next run; returns False when there is none
        after half an hour.
        """
        since = min(one.accepted_at for one in messages) - _MARGIN
        job = self.messages.get_export_job(sub_account_id)
        now = self.clock()
        if job is None or now - job.asked_at > _MAX_AGE_OF_AN_EXPORT:
            job_id = self.log.ask(sub_account_id, since=since, until=now)
            job = ExportJob(sub_account_id, job_id, since, now)
            self.messages.put_export_job(job)
        ids = [message.id for message in messages]
        read = partial(self.log.read, sub_account_id, job.job_id, ids, asked_at=job.asked_at)
        while (export := read(received_at=self.clock())) is None:
            if time_left() < _SECONDS_TO_ASK / 2:
                return self.clock() - job.asked_at < _MAX_AGE_OF_AN_EXPORT / 2
            self.sleep(_SECONDS_BETWEEN_READS)
        self.messages.remove_export_job(sub_account_id)
        for message in messages:
            # What was accepted before the export's span is not in it.
            if message.accepted_at < job.since:
                continue
            try:
                self._resolve_by_log(message, export)
            except Exception as error:
                log_failure("message not resolved", error, message_id=message.id)
        return True

    def _forget_job(self, sub_account_id: str) -> None:
        try:
            self.messages.remove_export_job(sub_account_id)
        except Exception as error:
            log_failure("export job not forgotten", error, sub_account_id=sub_account_id)

    def _resolve_by_log(self, message: Message, export: LogExport) -> None:
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
