"""What is known of people, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.services.interfaces import Trace
from tests.fakes.messages import InMemoryMessages


@dataclass
class InMemoryPersonData:
    """PersonData of messages in memory."""

    messages: InMemoryMessages

    def anonymise(self, message: Message, number: str) -> bool:
        kept = self.messages.get(message.id)
        if kept is None or not kept.accepted_at:
            return False
        own = {
            name
            for name in ("campaign_id", "dlt_template_id", "source")
            if digits_of(number) in digits_of(getattr(kept, name))
        }
        outcome = kept.outcome
        if outcome and (kept.outcome_reported_at or kept.reply_to):
            outcome = replace(outcome, description="")
        gone: dict[str, Any] = dict.fromkeys(
            own | {"destination", "recipient_hash", "client_message_id"}, ""
        )
        self.messages.messages[message.id] = replace(
            kept,
            outcome=outcome,
            receipts=tuple(replace(one, error_message="") for one in kept.receipts),
            **gone,
        )
        return True

    def traces_of(self, number: str, recipient_hash: str = "") -> Iterator[Trace | None]:
        digits = digits_of(number)
        for inbound in list(self.messages.inbound.values()):
            sender_hash = self.messages.sender_hashes[inbound.umid]
            if digits_of(inbound.source) == digits or (
                sender_hash and sender_hash == recipient_hash
            ):
                yield Trace(f"inbound {inbound.umid}", inbound.received_at)
        yield None

    def delete(self, trace: Trace) -> None:
        self.messages.inbound.pop(trace.id.removeprefix("inbound "), None)
