"""The step that sends, with all that it works with in memory."""

from collections.abc import Callable
from typing import Any

from sms_bridge.domain.message import Message
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.send import SendMessage
from tests.builders import a_request
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.messages import InMemoryMessages
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemoryOutcomes, InMemorySendQueue
from tests.services import a_service, policies


class Bridge:
    """A bridge that has sent nothing yet."""

    def __init__(
        self,
        *,
        duplicate_window: int = 120,
        is_queued: bool = False,
        ambiguous: str = "hold",
        opt_out_types: str = "",
        **eightx8: Any,
    ) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.send_queue = InMemorySendQueue()
        self.outcomes = InMemoryOutcomes()
        self.opt_outs = InMemoryOptOuts()
        self.eightx8 = FakeEightX8(**eightx8)
        self.sleep: Callable[[float], None] = self.clock.sleep
        self.step = a_service(
            SendMessage,
            **policies(ambiguous=ambiguous, opt_out_types=opt_out_types),
            duplicate_window=duplicate_window,
            is_queued=is_queued,
            messages=self.messages,
            send_queue=self.send_queue,
            outcomes=self.outcomes,
            opt_outs=self.opt_outs,
            sender=self.eightx8,
            clock=self.clock,
            sleep=lambda seconds: self.sleep(seconds),
        )

    def send(self, answer_time: AnswerTime[Message] | None = None, **changes: Any) -> Message:
        time = answer_time or AnswerTime(3.6, self.clock)
        return self.step(a_request(**changes), hash_key="k", answer_time=time)

    def kept(self, message: Message) -> Message:
        kept = self.messages.get(message.id)
        assert kept is not None
        return kept

    @property
    def queued(self) -> list[tuple[str, int]]:
        """Ids and delays of what is in the send queue."""
        return [(message.id, delay) for message, _, delay in self.send_queue.queued]
