"""What every message store promises of the callbacks that are no receipts."""

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import InboundMessage, UnknownEvent
from sms_bridge.services.interfaces import MessageStore
from tests.builders import AT, UMID, plain


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
        assert plain(store.get_inbound(inbound_id)) == plain(self.INBOUND)
        assert store.get(UMID) is None

    def test_an_inbound_message_that_never_came_is_not_there(self, store: MessageStore) -> None:
        assert store.get_inbound(f"inbound {UMID}") is None

    def test_an_unknown_event_may_come_twice(self, store: MessageStore) -> None:
        for _ in range(2):
            store.keep_event(UnknownEvent(key="k", event_type="", content="{}"), AT)

        assert store.get("k") is None
