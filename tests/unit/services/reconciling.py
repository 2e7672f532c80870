"""The step that looks for stuck messages, with all that it works with in memory."""

from typing import Any

from sms_bridge.domain.reconciliation import (
    AbsentPolicy,
    MissingReceiptPolicy,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy, RetryPolicy
from sms_bridge.domain.state import State
from sms_bridge.services.reconcile import Reconcile
from tests.builders import EVER, a_message, a_receipt
from tests.fakes.log_exports import FakeLog, InMemoryExportJobs, LogEntry
from tests.services import TIMEOUTS, TO_LIVE, InMemory


def an_id(number: int) -> str:
    return f"{number % 16:x}a1b2c3d-4e5f-4a6b-8c7d-{number:012d}"


def an_entry(
    message_id: str = "another", taken_at: float = 0.0, word: str = "queued", **receipt: Any
) -> LogEntry:
    """Return a line of 8x8's log."""
    return LogEntry(taken_at, a_receipt(word, client_message_id=message_id, **receipt))


class Bridge(InMemory):
    """A bridge with messages of any age, and 8x8's log."""

    def __init__(
        self,
        *,
        absent: str = "resend",
        unresolved: str = "report",
        missing_receipt: str = "failed",
        ambiguous: str = "hold",
    ) -> None:
        super().__init__()
        self.jobs = InMemoryExportJobs()
        self.log = FakeLog()
        self.time_left = 300.0
        self.step = self.a_service(
            Reconcile,
            retry=RetryPolicy(AmbiguousSendPolicy(ambiguous)),
            absent=AbsentPolicy(absent),
            unresolved=UnresolvedPolicy(unresolved),
            missing_receipt=MissingReceiptPolicy(missing_receipt),
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.time_left -= seconds

    def add(self, number: int = 1, *, age: float, **changes: Any) -> str:
        """Put a message that was accepted some seconds ago; returns its id."""
        accepted = self.clock.now - age
        message = a_message(
            id=an_id(number),
            accepted_at=accepted,
            send_before=accepted + TO_LIVE,
            attempt_at=accepted,
            **changes,
        )
        self.messages.create(message)
        return message.id

    def unknown(self, number: int = 1, *, age: float = 700.0, **changes: Any) -> str:
        """Put a message whose send was ambiguous."""
        return self.add(number, age=age, state=State.UNKNOWN, **changes)

    def log_shows(self, *entries: LogEntry) -> None:
        """Let 8x8's log of every sub-account show these lines."""
        self.log.entries = lambda _: list(entries)

    def log_is_at(self, seconds_ago: float) -> LogEntry:
        """Return a line about a message of someone else's that was taken then."""
        return an_entry(taken_at=self.clock.now - seconds_ago)

    def run(self) -> dict[str, int]:
        return self.step(time_left=lambda: self.time_left)

    def run_until_overdue(self) -> dict[str, int]:
        """Run once, so that the log answers, and again after the time to resolve a message."""
        self.run()
        self.clock.sleep(TIMEOUTS.unresolved + 1)
        self.time_left = 300.0
        return self.run()

    def state_of(self, message_id: str) -> State:
        return self.kept(message_id).state

    def accepted(self, message_id: str) -> float:
        return self.kept(message_id).accepted_at

    @property
    def open_ids(self) -> list[str]:
        return [message.id for message in self.messages.open_messages(until=EVER)]

    @property
    def queued(self) -> list[str]:
        return [message_id for message_id, _ in self.outcomes.queued]
