"""MoEngage's delivery tracking, without a connection."""

from dataclasses import dataclass, field

from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.reporting import ReportResult, ReportVerdict


@dataclass
class FakeMoEngage:
    """Remembers what it heard."""

    result: ReportResult = field(
        default_factory=lambda: ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
    )
    reported: list[tuple[str, Outcome]] = field(default_factory=list)

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        self.meanwhile()
        self.reported.append((message.id, outcome))
        return self.result

    def meanwhile(self) -> None:
        """Happens while a report is under way: nothing, but for a test's own."""
