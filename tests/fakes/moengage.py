"""MoEngage's delivery tracking, without a connection."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.reporting import ReportResult, ReportVerdict


@dataclass
class FakeMoEngage:
    """Remembers what it heard; ``meanwhile`` happens while a report is under way."""

    result: ReportResult = field(
        default_factory=lambda: ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
    )
    meanwhile: Callable[[], object] = lambda: None
    reported: list[tuple[str, Outcome]] = field(default_factory=list)

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        self.meanwhile()
        self.reported.append((message.id, outcome))
        return self.result
