"""The step that takes callbacks, with all that it works with in memory."""

import json
from collections.abc import Sequence
from typing import Any

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.opt_out import Keyword, OptOutScope, keywords_of
from sms_bridge.domain.state import State
from sms_bridge.services.receive import CallbackEvent, ReceiveCallback
from sms_bridge.services.reply import Reply
from tests.builders import MESSAGE_ID, SUB_ACCOUNT, a_message
from tests.fakes.clock import TurnableClock
from tests.fakes.messages import InMemoryMessages
from tests.fakes.opt_outs import InMemoryOptOuts, InMemoryReplyCounts
from tests.fakes.queues import InMemoryOutcomes, InMemorySendQueue
from tests.services import a_service

TEXTS = {
    Keyword.STOP: "You are out. START brings you back.",
    Keyword.START: "You are in again.",
    Keyword.HELP: "Write to help@example.com.",
}


class Bridge:
    """A bridge that accepted one message two seconds ago."""

    def __init__(
        self,
        *,
        syncs_opt_outs: bool = False,
        reports_inbound: bool = False,
        scope: OptOutScope = OptOutScope.STACK,
        replies: bool = False,
        country_calling_codes: Sequence[str] = (),
    ) -> None:
        # Shortly after the times in the callbacks.
        self.clock = TurnableClock(seconds_of("2026-11-24T09:30:02Z"))
        self.messages = InMemoryMessages()
        self.outcomes = InMemoryOutcomes()
        self.opt_outs = InMemoryOptOuts(scope)
        self.send_queue = InMemorySendQueue()
        self.counts = InMemoryReplyCounts()
        self.step = a_service(
            ReceiveCallback,
            messages=self.messages,
            outcomes=self.outcomes,
            opt_outs=self.opt_outs,
            keywords=keywords_of(["STOP", "Arrêt"], ["START"], ["HELP", "INFO"]),
            reply=a_service(
                Reply,
                texts=TEXTS if replies else {},
                country_calling_codes=country_calling_codes,
                seconds_to_live=600,
                messages=self.messages,
                send_queue=self.send_queue,
                counts=self.counts,
                clock=self.clock,
            ),
            sub_account_ids=(SUB_ACCOUNT, "acme_promo"),
            syncs_opt_outs=syncs_opt_outs,
            reports_inbound=reports_inbound,
            clock=self.clock,
        )
        self.messages.create(a_message(accepted_at=self.clock.now))
        self.clock.sleep(2)

    def receive(self, body: Any) -> None:
        for event in self.events_of(body):
            self.step(event, hash_key="k")

    def events_of(self, body: Any) -> list[CallbackEvent]:
        """Return the events of a callback that comes now."""
        content = body if isinstance(body, str) else json.dumps(body)
        return read_callback(content, self.clock.now)

    def state_of(self, message_id: str = MESSAGE_ID) -> State:
        message = self.messages.get(message_id)
        assert message is not None
        return message.state
