"""What is known of people, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sms_bridge.domain.phone_number import digits_of
from sms_bridge.services.interfaces import Trace
from sms_bridge.storage.person_data import EVENT_PREFIX
from tests.fakes.messages import InMemoryMessages


@dataclass
class InMemoryPersonData:
    """PersonData of messages in memory."""

    messages: InMemoryMessages

    def anonymise(self, message_id: str) -> bool:
        message = self.messages.get(message_id)
        if message is None or not message.accepted_at:
            return False
        self.messages.messages[message_id] = replace(
            message, destination="", recipient_hash="", client_message_id=""
        )
        return True

    def traces_of(self, number: str, recipient_hash: str = "") -> Iterator[Trace | None]:
        digits = digits_of(number)
        for inbound in list(self.messages.inbound.values()):
            sender_hash = self.messages.sender_hashes[inbound.umid]
            if digits_of(inbound.source) == digits or (
                sender_hash and sender_hash == recipient_hash
            ):
                yield Trace(f"inbound {inbound.umid}", inbound.received_at, is_inbound=True)
        for event in list(self.messages.events.values()):
            if digits in event.content:
                at = self.messages.events_received_at[event.key]
                yield Trace(f"{EVENT_PREFIX}{event.key}", at, is_inbound=False)
        yield None

    def delete(self, trace: Trace) -> None:
        message_type, _, key = trace.id.partition(" ")
        if message_type == "inbound":
            self.messages.inbound.pop(key, None)
        else:
            self.messages.events.pop(key, None)
