"""What every message store promises of the callbacks that are no receipts."""

from dataclasses import replace

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import InboundMessage, UnknownEvent
from sms_bridge.services.interfaces import MessageStore
from tests.builders import AT, UMID


class TestOtherCallbacks:
    INBOUND = InboundMessage(
        umid=UMID,
        sub_account_id="acme",
        source="+6591234567",
        destination="+6599",
        text="STOP 🙂",
        encoding="UCS2",
        segments=2,
        sent_at=seconds_of("2026-11-24T09:29:59.123Z"),
        received_at=AT,
    )

    def test_an_inbound_message_can_be_read_back_as_it_came(self, store: MessageStore) -> None:
        ids = {store.keep_inbound(self.INBOUND) for _ in range(2)}

        (inbound_id,) = ids
        assert store.get_inbound(inbound_id) == self.INBOUND
        assert store.get(UMID) is None

    def test_an_inbound_message_that_never_came_is_not_there(self, store: MessageStore) -> None:
        assert store.get_inbound(f"inbound {UMID}") is None

    def test_what_became_of_it_stays_when_it_comes_again(self, store: MessageStore) -> None:
        inbound_id = store.keep_inbound(self.INBOUND)
        store.record_inbound_reported(inbound_id, AT + 5)

        store.keep_inbound(replace(self.INBOUND, received_at=AT + 10))

        assert store.get_inbound(inbound_id) == replace(self.INBOUND, reported_at=AT + 5)

    def test_one_that_is_forgotten_does_not_come_back(self, store: MessageStore) -> None:
        store.record_inbound_reported(f"inbound {UMID}", AT)

        assert store.get_inbound(f"inbound {UMID}") is None

    def test_an_unknown_event_may_come_twice(self, store: MessageStore) -> None:
        for _ in range(2):
            store.keep_event(UnknownEvent(key="k", event_type="", content="{}"), AT)

        assert store.get("k") is None
