"""The step that takes callbacks, with all that it works with in memory."""

import json
from typing import Any

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.domain.state import State
from sms_bridge.services.receive import ReceiveCallback
from tests.builders import MESSAGE_ID, a_message
from tests.fakes.clock import TurnableClock
from tests.fakes.messages import InMemoryMessages
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemoryOutcomes


class Bridge:
    """A bridge that accepted one message two seconds ago."""

    def __init__(self, *, syncs_opt_outs: bool = False) -> None:
        # Shortly after the times in the callbacks.
        self.clock = TurnableClock(seconds_of("2026-11-24T09:30:02Z"))
        self.messages = InMemoryMessages()
        self.outcomes = InMemoryOutcomes()
        self.opt_outs = InMemoryOptOuts()
        self.step = ReceiveCallback(
            messages=self.messages,
            outcomes=self.outcomes,
            opt_outs=self.opt_outs,
            keywords=keywords_of(["STOP", "Arrêt"], ["START"]),
            syncs_opt_outs=syncs_opt_outs,
            clock=self.clock,
        )
        self.messages.create(a_message(accepted_at=self.clock.now))
        self.clock.sleep(2)

    def receive(self, body: Any) -> None:
        content = body if isinstance(body, str) else json.dumps(body)
        for event in read_callback(content, self.clock.now):
            self.step(event, hash_key="k")

    def state_of(self, message_id: str = MESSAGE_ID) -> State:
        message = self.messages.get(message_id)
        assert message is not None
        return message.state
