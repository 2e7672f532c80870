"""The step that sends, with all that it works with in memory."""

import itertools
from collections.abc import Callable
from typing import Any

from sms_bridge.rules.messages import Message
from sms_bridge.steps.answer_time import AnswerTime
from sms_bridge.steps.send import SendMessage
from tests.builders import a_request
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemoryOutcomes

FIRST = "0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
SECOND = "0a1b2c3d-4e5f-4a6b-8c7d-000000000002"


class Bridge:
    """A bridge that has sent nothing yet."""

    def __init__(
        self,
        *,
        window: int = 120,
        **eightx8: Any,
    ) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.outcomes = InMemoryOutcomes()
        self.eightx8 = FakeEightX8(**eightx8)
        ids = (f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in itertools.count(1))
        self.sleep: Callable[[float], None] = self.clock.sleep
        self.step = SendMessage(
            messages=self.messages,
            outcomes=self.outcomes,
            sender=self.eightx8,
            duplicate_window=window,
            clock=self.clock,
            sleep=lambda seconds: self.sleep(seconds),
            new_id=lambda: next(ids),
        )

    def send(self, answer_time: AnswerTime[Message] | None = None, **changes: Any) -> Message:
        time = answer_time or AnswerTime(3.6, self.clock)
        return self.step(a_request(**changes), hash_key="k", answer_time=time)
