"""What every message store promises of the callbacks that are no receipts."""

from dataclasses import replace

from sms_bridge.domain.arrivals import Click, InboundMessage, UnknownEvent
from sms_bridge.domain.clock import seconds_of
from sms_bridge.services.interfaces import MessageStore
from tests.builders import AT, MESSAGE_ID, NUMBER, UMID, a_message, a_receipt, plain


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

    def test_one_without_a_text_can_be_read_back_as_well(self, store: MessageStore) -> None:
        empty = replace(self.INBOUND, text="", destination="", sent_at=0.0, segments=0)

        assert plain(store.get_inbound(store.keep_inbound(empty))) == plain(empty)

    def test_an_inbound_message_that_never_came_is_not_there(self, store: MessageStore) -> None:
        assert store.get_inbound(f"inbound {UMID}") is None

    def test_what_became_of_it_stays_when_it_comes_again(self, store: MessageStore) -> None:
        inbound_id = store.keep_inbound(self.INBOUND)
        store.record_inbound_reported(inbound_id, AT + 5)

        store.keep_inbound(replace(self.INBOUND, received_at=AT + 10))

        assert plain(store.get_inbound(inbound_id)) == plain(
            replace(self.INBOUND, reported_at=AT + 5)
        )

    def test_one_that_is_forgotten_does_not_come_back(self, store: MessageStore) -> None:
        store.record_inbound_reported(f"inbound {UMID}", AT)

        assert store.get_inbound(f"inbound {UMID}") is None

    def test_an_unknown_event_may_come_twice(self, store: MessageStore) -> None:
        for _ in range(2):
            store.keep_event(UnknownEvent(key="k", event_type="", content="{}"), AT)

        assert store.get("k") is None


class TestClicks:
    @staticmethod
    def click(number: int, at: float = AT + 60) -> Click:
        return Click(umid=UMID, destination=NUMBER, key=f"{number:08x}", at=at)

    def test_the_same_click_is_one_and_the_rest_of_the_message_stays(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_receipt(MESSAGE_ID, a_receipt("sent"), None)
        before = store.get(MESSAGE_ID)
        assert before is not None

        for click in (self.click(2, AT + 70), self.click(1), self.click(3, 0.0)):
            for _ in range(2):
                store.record_click(MESSAGE_ID, click)

        assert plain(store.get(MESSAGE_ID)) == plain(
            replace(before, clicks=(0.0, AT + 60, AT + 70))
        )

    def test_so_many_are_kept_and_no_more(self, store: MessageStore) -> None:
        store.create(a_message())

        for number in range(25):
            store.record_click(MESSAGE_ID, self.click(number, AT + number))

        message = store.get(MESSAGE_ID)
        assert message is not None
        assert message.clicks == tuple(AT + number for number in range(20))

    def test_no_message_comes_of_it(self, store: MessageStore) -> None:
        store.record_click(MESSAGE_ID, self.click(1))

        assert store.get(MESSAGE_ID) is None
