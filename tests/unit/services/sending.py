"""The step that sends, with all that it works with in memory."""

from collections.abc import Callable
from typing import Any

from sms_bridge.domain.message import Message
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.send import SendMessage
from tests.builders import a_request
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.queues import InMemorySendQueue
from tests.services import InMemory


class Bridge(InMemory):
    """A bridge that has sent nothing yet."""

    def __init__(
        self,
        *,
        duplicate_window: int = 120,
        dispatch_mode: str = "direct",
        ambiguous: str = "hold",
        opt_out_types: str = "",
        **eightx8: Any,
    ) -> None:
        super().__init__()
        self.send_queue = InMemorySendQueue()
        self.eightx8 = FakeEightX8(**eightx8)
        self.sleep: Callable[[float], None] = self.clock.sleep
        self.step = self.a_service(
            SendMessage,
            duplicate_window_seconds=duplicate_window,
            dispatch_mode=dispatch_mode,
            ambiguous_send_policy=ambiguous,
            opt_out_message_types=opt_out_types,
            sender=self.eightx8,
            sleep=lambda seconds: self.sleep(seconds),
        )

    def send(self, answer_time: AnswerTime[Message] | None = None, **changes: Any) -> Message:
        time = answer_time or AnswerTime(3.6, self.clock)
        return self.step(a_request(**changes), hash_key="k", answer_time=time)

    @property
    def queued(self) -> list[tuple[str, int]]:
        """Ids and delays of what is in the send queue."""
        return [(message.id, delay) for message, _, delay in self.send_queue.queued]
