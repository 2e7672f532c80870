"""8x8, without a connection."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sms_bridge.rules.messages import MessageRequest
from sms_bridge.rules.send_results import SendResult
from tests.builders import ACCEPTED


@dataclass
class FakeEightX8:
    """A Sender that remembers what it was given.

    Attributes
    ----------
    result
        What comes of each message.
    meanwhile
        Happens while a message is under way; gets its id.
    """

    result: SendResult = ACCEPTED
    meanwhile: Callable[[str], None] = lambda _: None
    sent: list[tuple[MessageRequest, str]] = field(default_factory=list)
    seconds_given: list[float] = field(default_factory=list)

    def send(
        self, request: MessageRequest, message_id: str, *, time_left: Callable[[], float]
    ) -> SendResult:
        self.sent.append((request, message_id))
        self.seconds_given.append(time_left())
        self.meanwhile(message_id)
        return self.result
