"""MoEngage's delivery tracking, without a connection."""

from dataclasses import dataclass, field

from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.outcome import Hearing, Telling


@dataclass
class FakeMoEngage:
    """A Listener that remembers what it heard."""

    telling: Telling = field(
        default_factory=lambda: Telling(hearing=Hearing.HEARD, http_status=200)
    )
    told: list[tuple[str, Outcome]] = field(default_factory=list)

    def tell(self, message: Message, outcome: Outcome) -> Telling:
        self.told.append((message.id, outcome))
        return self.telling
