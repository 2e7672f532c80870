"""The step that takes callbacks, with all that it works with in memory."""

import json
from typing import Any

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import State
from sms_bridge.domain.opt_out import Keyword, OptOutScope
from sms_bridge.services.receive import CallbackEvent, ReceiveCallback
from tests.builders import MESSAGE_ID, SUB_ACCOUNT, a_message
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemorySendQueue
from tests.services import InMemory

TEXTS = {
    Keyword.STOP: "You are out. START brings you back.",
    Keyword.START: "You are in again.",
    Keyword.HELP: "Write to help@example.com.",
}


class Bridge(InMemory):
    """A bridge that accepted one message two seconds ago."""

    def __init__(
        self,
        *,
        syncs_opt_outs: bool = False,
        reports_inbound: bool = False,
        scope: OptOutScope = OptOutScope.STACK,
        replies: bool = False,
        country_calling_codes: str = "",
    ) -> None:
        super().__init__()
        # Shortly after the times in the callbacks.
        self.clock.now = seconds_of("2026-11-24T09:30:02Z")
        self.opt_outs = InMemoryOptOuts(scope)
        self.send_queue = InMemorySendQueue()
        self.step = self.a_service(
            ReceiveCallback,
            opt_out_keywords="STOP,Arrêt",
            opt_in_keywords="START",
            help_keywords="HELP,INFO",
            opt_out_reply=TEXTS[Keyword.STOP] if replies else "",
            opt_in_reply=TEXTS[Keyword.START] if replies else "",
            help_reply=TEXTS[Keyword.HELP] if replies else "",
            transactional_seconds_to_live=600,
            allowed_country_calling_codes=country_calling_codes,
            sub_account_ids=f"{SUB_ACCOUNT},acme_promo",
            moengage_data_api_url="https://api.example" if syncs_opt_outs else "",
            moengage_inbound_event="SMS Reply" if reports_inbound else "",
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
        return self.kept(message_id).state
