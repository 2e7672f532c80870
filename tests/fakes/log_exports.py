"""8x8's log in memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sms_bridge.domain.message import Receipt
from sms_bridge.domain.reconciliation import ExportJob, LogExport


@dataclass(frozen=True)
class LogEntry:
    """A message in 8x8's log, and when it was created."""

    created_at: float
    receipt: Receipt


@dataclass
class FakeLog:
    """8x8's log.

    Attributes
    ----------
    entries
        What is in it, by sub-account.
    pending
        How many reads find an export not ready.
    error
        Raised by every read.
    asked
        Sub-account, begin and end of each export that was asked for.
    """

    entries: Callable[[str], list[LogEntry]] = lambda _: []
    pending: int = 0
    error: Exception | None = None
    asked: list[tuple[str, float, float]] = field(default_factory=list)
    read_jobs: list[str] = field(default_factory=list)

    def ask(self, sub_account_id: str, *, since: float, until: float) -> ExportJob:
        self.asked.append((sub_account_id, since, until))
        return ExportJob(sub_account_id, f"job-{len(self.asked)}", since, until)

    def read(
        self,
        job: ExportJob,
        message_ids: Collection[str],
        *,
        received_at: float,  # noqa: ARG002
    ) -> LogExport | None:
        self.read_jobs.append(job.job_id)
        if self.error:
            raise self.error
        if self.pending:
            self.pending -= 1
            return None
        entries = self.entries(job.sub_account_id)
        created = [one.created_at for one in entries if one.created_at <= job.asked_at]
        receipts = {one.receipt.client_message_id: one.receipt for one in entries}
        return LogExport(
            receipts={name: receipts[name] for name in message_ids if name in receipts},
            newest=max(created, default=0.0),
        )
