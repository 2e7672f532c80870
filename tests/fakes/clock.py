"""A clock that tests turn."""

from dataclasses import dataclass

from sms_bridge.domain.clock import timestamp


@dataclass
class TurnableClock:
    """Seconds since the epoch; ``sleep`` turns it."""

    now: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def text(self) -> str:
        return timestamp(self.now)
