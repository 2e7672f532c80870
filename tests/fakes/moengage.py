"""MoEngage's delivery tracking, without a connection."""

from dataclasses import dataclass, field

from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.reporting import ReportResult, ReportVerdict


@dataclass
class FakeMoEngage:
    """A Listener that remembers what it heard."""

    result: ReportResult = field(
        default_factory=lambda: ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
    )
    reported: list[tuple[str, Outcome]] = field(default_factory=list)

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        self.reported.append((message.id, outcome))
        return self.result
