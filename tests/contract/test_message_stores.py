"""What every message store promises."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sms_bridge.rules.duplicates import ClaimKey
from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, Told, UnknownEvent
from sms_bridge.rules.outcomes import outcome_of_receipt
from sms_bridge.rules.send_results import SendResult
from sms_bridge.storage.messages import Effect, MessageStore, Recorded
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    AT,
    MESSAGE_ID,
    REFUSED,
    REJECTED,
    UMID,
    a_message,
    a_receipt,
)
from tests.fakes.messages import InMemoryMessages

NOW = 1_795_000_000.0
OTHER_ID = "1a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
TWO_MINUTES = ClaimKey("same message", 120)
FOR_EVER = ClaimKey("same client id", None)


def record(store: MessageStore, receipt: Receipt) -> Recorded:
    return store.record_receipt(MESSAGE_ID, receipt, outcome_of_receipt(receipt))


class TestClaims:
    def test_a_claimed_message_can_be_read_back_as_it_was_given(self, store: MessageStore) -> None:
        message = a_message(
            source="Acme", campaign_id="c-1", dlt_template_id="d-1", client_message_id="theirs"
        )

        claim = store.claim(message, TWO_MINUTES, NOW)

        assert (claim.won, claim.message_id) == (True, message.id)
        assert store.get(message.id) == message

    def test_a_message_that_was_never_claimed_is_not_there(self, store: MessageStore) -> None:
        assert store.get(MESSAGE_ID) is None

    def test_a_repeat_within_the_window_is_told_the_first_id(self, store: MessageStore) -> None:
        store.claim(a_message(), TWO_MINUTES, NOW)

        repeat = store.claim(a_message(id=OTHER_ID), TWO_MINUTES, NOW + 119.9)

        assert (repeat.won, repeat.message_id) == (False, MESSAGE_ID)
        assert store.get(OTHER_ID) is None

    def test_after_the_window_it_is_a_new_message_with_a_window_of_its_own(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), TWO_MINUTES, NOW)

        assert store.claim(a_message(id=OTHER_ID), TWO_MINUTES, NOW + 120).won
        assert store.get(MESSAGE_ID) is not None
        third = store.claim(a_message(id="third"), TWO_MINUTES, NOW + 239)
        assert (third.won, third.message_id) == (False, OTHER_ID)

    def test_a_claim_without_an_end_never_ends(self, store: MessageStore) -> None:
        store.claim(a_message(), FOR_EVER, NOW)

        assert not store.claim(a_message(id=OTHER_ID), FOR_EVER, NOW + 86_400 * 30).won

    def test_a_claim_of_which_only_the_answer_was_lost_is_still_won(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), TWO_MINUTES, NOW)

        again = store.claim(a_message(), TWO_MINUTES, NOW + 1)

        assert (again.won, again.message_id) == (True, MESSAGE_ID)

    def test_without_a_key_nothing_is_a_repeat(self, store: MessageStore) -> None:
        assert store.claim(a_message(), None, NOW).won
        assert store.claim(a_message(id=OTHER_ID), None, NOW).won

    def test_of_many_simultaneous_claims_one_wins(self, atomic_store: MessageStore) -> None:
        ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(12)]

        with ThreadPoolExecutor(len(ids)) as pool:
            claims = list(
                pool.map(lambda one: atomic_store.claim(a_message(id=one), TWO_MINUTES, NOW), ids)
            )

        assert sum(claim.won for claim in claims) == 1
        assert len({claim.message_id for claim in claims}) == 1


class TestResults:
    @pytest.mark.parametrize(
        ("result", "state", "status"),
        [
            (ACCEPTED, State.QUEUED, None),
            (AMBIGUOUS, State.UNKNOWN, None),
            (REJECTED, State.REJECTED, Told.FAILED),
            (REFUSED, State.FAILED, Told.FAILED),
        ],
        ids=lambda value: getattr(value, "reason", None),
    )
    def test_a_result_moves_the_message_and_may_bring_an_outcome(
        self, store: MessageStore, result: SendResult, state: State, status: Told | None
    ) -> None:
        store.claim(a_message(), None, NOW)

        recorded = store.record_result(MESSAGE_ID, result, AT)

        assert recorded.effect is Effect.MOVED
        assert recorded.message.state is state
        assert recorded.message.answered_at == AT
        assert (recorded.message.outcome.status if recorded.message.outcome else None) == status
        assert recorded.outcome_is_new is (status is not None)
        assert recorded.message == store.get(MESSAGE_ID)

    def test_8x8s_ids_and_codes_are_kept(self, store: MessageStore) -> None:
        store.claim(a_message(), None, NOW)

        message = store.record_result(MESSAGE_ID, REFUSED, AT).message

        assert (message.reason, message.eightx8_code) == ("eightx8_invalid_destination", "1002")

    def test_a_receipt_that_came_before_the_answer_keeps_its_state(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), None, NOW)
        record(store, a_receipt("delivered"))

        recorded = store.record_result(MESSAGE_ID, AMBIGUOUS, AT)

        assert recorded.effect is Effect.LATE
        assert recorded.message.state is State.DELIVERED
        assert recorded.message.answered_at == AT
        assert recorded.message.outcome == Outcome(Told.DELIVERED)


class TestReceipts:
    def test_an_intermediate_receipt_moves_the_state_and_brings_no_outcome(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), None, NOW)
        store.record_result(MESSAGE_ID, ACCEPTED, AT)

        recorded = record(store, a_receipt("sent", detail="delivered_to_operator"))

        assert recorded.effect is Effect.MOVED
        assert recorded.message.state is State.SENT
        assert recorded.message.outcome is None
        assert [receipt.detail for receipt in recorded.message.receipts] == [
            "delivered_to_operator"
        ]

    def test_a_final_receipt_makes_the_outcome_due_once(self, store: MessageStore) -> None:
        store.claim(a_message(), None, NOW)

        first = record(store, a_receipt("delivered"))
        second = record(store, a_receipt("delivered"))
        third = record(store, a_receipt("delivered", at="2026-11-24T09:30:09Z"))

        assert [one.outcome_is_new for one in (first, second, third)] == [True, False, False]
        assert [one.effect for one in (first, second, third)] == [
            Effect.MOVED,
            Effect.REPEATED,
            Effect.LATE,
        ]
        assert len(third.message.receipts) == 2

    def test_a_late_receipt_stays_in_the_history_and_changes_nothing_else(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), None, NOW)
        record(store, a_receipt("delivered"))

        recorded = record(store, a_receipt("sent", received_at="2026-11-24T09:31:00.000Z"))

        assert recorded.effect is Effect.LATE
        assert recorded.message.state is State.DELIVERED
        assert [receipt.eightx8_state for receipt in recorded.message.receipts] == [
            "delivered",
            "sent",
        ]

    def test_delivered_after_undelivered_counts_but_the_outcome_stands(
        self, store: MessageStore
    ) -> None:
        store.claim(a_message(), None, NOW)
        record(store, a_receipt("undelivered", error_code="1", error_message="Absent"))

        recorded = record(store, a_receipt("delivered"))

        assert recorded.message.state is State.DELIVERED
        assert recorded.message.outcome == Outcome(Told.FAILED, "eightx8_undelivered_1", "Absent")
        assert not recorded.outcome_is_new

    def test_a_receipt_without_a_message_is_kept_and_not_to_be_told(
        self, store: MessageStore
    ) -> None:
        recorded = record(store, a_receipt("delivered", price="0.0375 EUR", segments=2))

        assert recorded.message.state is State.DELIVERED
        assert not recorded.message.outcome_is_open
        (receipt,) = recorded.message.receipts
        assert (receipt.price, receipt.segments, recorded.message.umid) == ("0.0375 EUR", 2, UMID)

    def test_a_receipt_before_its_message_makes_the_outcome_due_once_it_is_there(
        self, store: MessageStore
    ) -> None:
        record(store, a_receipt("delivered"))

        assert store.claim(a_message(), TWO_MINUTES, NOW).won
        recorded = store.record_result(MESSAGE_ID, ACCEPTED, AT)

        assert recorded.message.state is State.DELIVERED
        assert recorded.message.outcome_is_open

    def test_a_state_that_nobody_knows_is_kept_in_the_history(self, store: MessageStore) -> None:
        store.claim(a_message(), None, NOW)

        recorded = record(store, a_receipt("teleported"))

        assert recorded.message.state is State.SENDING
        assert [receipt.eightx8_state for receipt in recorded.message.receipts] == ["teleported"]


class TestOutcomes:
    def test_a_told_outcome_is_closed_and_keeps_its_first_time(self, store: MessageStore) -> None:
        store.claim(a_message(), None, NOW)
        record(store, a_receipt("delivered"))

        store.record_told(MESSAGE_ID, "2026-11-24T09:30:10.000Z")
        store.record_told(MESSAGE_ID, "2026-11-24T09:30:20.000Z")

        message = store.get(MESSAGE_ID)
        assert message is not None
        assert message.outcome_told_at == "2026-11-24T09:30:10.000Z"
        assert not message.outcome_is_open

    def test_a_refused_outcome_is_closed_and_says_why(self, store: MessageStore) -> None:
        store.claim(a_message(), None, NOW)
        record(store, a_receipt("delivered"))

        store.record_refused(MESSAGE_ID, 404, AT)

        message = store.get(MESSAGE_ID)
        assert message is not None
        assert (message.outcome_refused, message.outcome_refused_at) == (404, AT)
        assert not message.outcome_is_open


class TestEverythingElse:
    def test_inbound_messages_and_unknown_events_may_come_twice(self, store: MessageStore) -> None:
        inbound = InboundMessage(
            umid=UMID, sub_account_id="", source="+6591234567", destination="+6599", text="STOP"
        )
        event = UnknownEvent(key="k", event_type="", content="{}")

        for _ in range(2):
            store.keep_inbound(inbound, AT)
            store.keep_event(event, AT)

        assert store.get(UMID) is None


@dataclass(frozen=True)
class Claims:
    """Somebody asks for the first or the second message to be sent."""

    is_first: bool
    key: str | None
    seconds: int | None
    now: float


@dataclass(frozen=True)
class Answers:
    """It is known what came of sending."""

    is_first: bool
    result: SendResult


@dataclass(frozen=True)
class Reports:
    """8x8 sends a receipt."""

    is_first: bool
    eightx8_state: str
    second: int


@dataclass(frozen=True)
class Hears:
    """MoEngage took the outcome, or refused it."""

    is_first: bool
    http_status: int


Step = Claims | Answers | Reports | Hears

_steps = st.one_of(
    st.builds(
        Claims,
        st.booleans(),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, 120]),
        st.sampled_from([NOW, NOW + 119, NOW + 120, NOW + 240]),
    ),
    st.builds(Answers, st.booleans(), st.sampled_from([ACCEPTED, AMBIGUOUS, REJECTED, REFUSED])),
    st.builds(
        Reports,
        st.booleans(),
        st.sampled_from(
            ["queued", "sent", "delivered", "undelivered", "rejected", "read", "teleported"]
        ),
        st.integers(1, 2),
    ),
    st.builds(Hears, st.booleans(), st.sampled_from([200, 404])),
)
_numbers = itertools.count()


def act(store: MessageStore, step: Step, story: int, at: str) -> tuple[object, Message | None]:
    """Do one step of a story; return what it returned and what is known of the message then."""
    message_id = f"0a1b2c3d-4e5f-4a6b-8c7d-{story:06d}{int(step.is_first):06d}"
    returned: object = None
    match step:
        case Claims():
            # The stories share a table, so each has keys of its own.
            key = ClaimKey(f"{story} {step.key}", step.seconds) if step.key else None
            returned = store.claim(a_message(id=message_id), key, step.now)
        case Answers():
            returned = store.record_result(message_id, step.result, at)
        case Reports():
            receipt = a_receipt(
                step.eightx8_state,
                at=f"2026-11-24T09:30:0{step.second}Z",
                received_at=at,
                client_message_id=message_id,
            )
            returned = store.record_receipt(message_id, receipt, outcome_of_receipt(receipt))
        case Hears():
            message = store.get(message_id)
            if message is None or not message.outcome_is_open:
                pass
            elif step.http_status == 200:
                store.record_told(message_id, at)
            else:
                store.record_refused(message_id, step.http_status, at)
    return returned, store.get(message_id)


@given(st.lists(_steps, max_size=10))
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_store_and_its_fake_agree_on_any_story(store: MessageStore, steps: list[Step]) -> None:
    """Whatever happens to two messages, in whatever order, both stores tell the same of it."""
    fake = InMemoryMessages()
    story = next(_numbers)

    for position, step in enumerate(steps):
        at = f"2026-11-24T09:{30 + position}:00.000Z"
        assert act(store, step, story, at) == act(fake, step, story, at)
