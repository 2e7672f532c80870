"""What every message store promises of one message."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.domain.retry_policy import RetryPolicy
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import State
from sms_bridge.services.interfaces import Effect, MessageStore
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    AT,
    MESSAGE_ID,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    UMID,
    a_message,
    a_receipt,
)
from tests.contract.stores import LATER, kept, record
from tests.fakes.messages import InMemoryMessages

POLICY = RetryPolicy()
DELIVERED = Outcome(OutcomeStatus.DELIVERED)
GONE = Outcome(OutcomeStatus.FAILED, "no_receipt", "None came")


class TestCreation:
    def test_a_message_can_be_read_back_as_it_was_given(self, store: MessageStore) -> None:
        message = a_message(
            source="Acme", campaign_id="c-1", dlt_template_id="d-1", client_message_id="theirs"
        )

        assert store.create(message) is None
        assert store.get(message.id) == message

    def test_a_message_that_was_never_created_is_not_there(self, store: MessageStore) -> None:
        assert store.get(MESSAGE_ID) is None

    def test_an_id_is_taken_once_and_by_whom_can_be_seen(self, store: MessageStore) -> None:
        store.create(a_message())

        assert store.create(a_message(claimed_by="request-2", source="Other")) == a_message()
        assert store.get(MESSAGE_ID) == a_message()

    def test_of_many_simultaneous_calls_one_creates(self) -> None:
        store = InMemoryMessages()  # moto does not keep its promises under simultaneous calls
        names = [f"request-{number}" for number in range(12)]

        with ThreadPoolExecutor(len(names)) as pool:
            taken = list(pool.map(lambda name: store.create(a_message(claimed_by=name)), names))

        assert taken.count(None) == 1
        assert {one.claimed_by for one in taken if one} == {kept(store).claimed_by}

    def test_the_end_of_a_chain_is_no_open_message(self, store: MessageStore) -> None:
        store.create(a_message(ends_a_chain=True))

        assert kept(store).ends_a_chain
        assert list(store.open_messages(until="9")) == []


class TestResults:
    @pytest.mark.parametrize(
        ("result", "state", "status"),
        [
            (ACCEPTED, State.QUEUED, None),
            (AMBIGUOUS, State.UNKNOWN, None),
            (THROTTLED, State.WAITING, None),
            (NOT_SENT, State.WAITING, None),
            (REJECTED, State.REJECTED, OutcomeStatus.FAILED),
            (REFUSED, State.FAILED, OutcomeStatus.FAILED),
        ],
        ids=lambda value: getattr(value, "reason", None),
    )
    def test_a_result_moves_the_message_and_may_bring_an_outcome(
        self, store: MessageStore, result: SendResult, state: State, status: OutcomeStatus | None
    ) -> None:
        store.create(a_message())

        recorded = store.record_result(MESSAGE_ID, 1, result, POLICY.state_after(result), AT)

        assert recorded.effect is Effect.MOVED
        assert recorded.message.state is state
        assert recorded.message.answered_at == AT
        assert (recorded.message.outcome.status if recorded.message.outcome else None) == status
        assert recorded.outcome_is_new is (status is not None)
        assert recorded.message == store.get(MESSAGE_ID)

    def test_8x8s_ids_and_codes_are_kept(self, store: MessageStore) -> None:
        store.create(a_message())

        message = store.record_result(
            MESSAGE_ID, 1, REFUSED, POLICY.state_after(REFUSED), AT
        ).message

        assert (message.reason, message.eightx8_code) == ("eightx8_invalid_destination", "1002")

    def test_a_receipt_that_came_before_the_answer_keeps_its_state(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))

        recorded = store.record_result(MESSAGE_ID, 1, AMBIGUOUS, POLICY.state_after(AMBIGUOUS), AT)

        assert recorded.effect is Effect.LATE
        assert recorded.message.state is State.DELIVERED
        assert recorded.message.answered_at == AT
        assert recorded.message.outcome == DELIVERED


class TestReceipts:
    @pytest.mark.parametrize(
        "states", [("delivered", "read"), ("undelivered", "rejected"), ("undelivered", "delivered")]
    )
    def test_of_two_that_come_at_the_same_moment_one_brings_the_outcome(
        self, store: MessageStore, states: tuple[str, str]
    ) -> None:
        store.create(a_message())

        came = [record(store, a_receipt(state, received_at=LATER)) for state in states]

        assert [one.outcome_is_new for one in came] == [True, False]
        assert kept(store).outcome == came[0].message.outcome
        assert len(kept(store).receipts) == 2

    def test_an_intermediate_receipt_moves_the_state_and_brings_no_outcome(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, ACCEPTED, POLICY.state_after(ACCEPTED), AT)

        recorded = record(store, a_receipt("sent", detail="delivered_to_operator"))

        assert recorded.effect is Effect.MOVED
        assert recorded.message.state is State.SENT
        assert recorded.message.outcome is None
        assert [receipt.detail for receipt in recorded.message.receipts] == [
            "delivered_to_operator"
        ]

    def test_a_final_receipt_makes_the_outcome_due_once(self, store: MessageStore) -> None:
        store.create(a_message())

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
        store.create(a_message())
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
        store.create(a_message())
        record(store, a_receipt("undelivered", error_code="1", error_message="Absent"))

        recorded = record(store, a_receipt("delivered"))

        assert recorded.message.state is State.DELIVERED
        assert recorded.message.outcome == Outcome(
            OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent"
        )
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

        assert store.create(a_message()) is None
        recorded = store.record_result(MESSAGE_ID, 1, ACCEPTED, POLICY.state_after(ACCEPTED), AT)

        assert recorded.message.state is State.DELIVERED
        assert recorded.message.outcome_is_open

    def test_a_state_that_nobody_knows_is_kept_in_the_history(self, store: MessageStore) -> None:
        store.create(a_message())

        recorded = record(store, a_receipt("teleported"))

        assert recorded.message.state is State.SENDING
        assert [receipt.eightx8_state for receipt in recorded.message.receipts] == ["teleported"]


class TestOutcomes:
    def test_a_state_moves_on_although_there_is_an_outcome_and_the_first_one_stands(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, AMBIGUOUS, State.UNKNOWN, AT)
        store.record_outcome(MESSAGE_ID, GONE, AT)

        failed = replace(AMBIGUOUS, verdict=Verdict.PERMANENT)
        recorded = store.record_result(MESSAGE_ID, 1, failed, State.FAILED, LATER)

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)
        assert (kept(store).state, kept(store).outcome) == (State.FAILED, GONE)

    def test_an_outcome_that_no_receipt_brought_is_due_once(self, store: MessageStore) -> None:
        store.create(a_message(state=State.SENT))

        first = store.record_outcome(MESSAGE_ID, GONE, AT)
        second = store.record_outcome(MESSAGE_ID, DELIVERED, LATER)

        assert [one.outcome_is_new for one in (first, second)] == [True, False]
        assert [one.effect for one in (first, second)] == [Effect.MOVED, Effect.LATE]
        message = kept(store)
        assert (message.outcome, message.outcome_due_at, message.state) == (GONE, AT, State.SENT)

    def test_a_receipt_that_comes_after_it_moves_the_state_and_not_the_outcome(
        self, store: MessageStore
    ) -> None:
        store.create(a_message(state=State.SENT))
        store.record_outcome(MESSAGE_ID, GONE, AT)

        recorded = record(store, a_receipt("delivered"))

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)
        assert (kept(store).state, kept(store).outcome) == (State.DELIVERED, GONE)

    def test_a_told_outcome_is_closed_and_keeps_its_first_time(self, store: MessageStore) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))

        store.record_reported(MESSAGE_ID, "2026-11-24T09:30:10.000Z")
        store.record_reported(MESSAGE_ID, "2026-11-24T09:30:20.000Z")

        assert kept(store).outcome_reported_at == "2026-11-24T09:30:10.000Z"
        assert not kept(store).outcome_is_open

    def test_an_outcome_that_was_not_taken_is_open_and_says_how_often(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))

        for at in (AT, LATER):
            store.record_not_taken(MESSAGE_ID, at)

        message = kept(store)
        assert (message.outcome_tries, message.outcome_next_try_at) == (2, LATER)
        assert message.outcome_is_open

    def test_an_outcome_is_held_for_the_first_to_tell_it_from_the_moment_it_is_due(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered", received_at="2026-11-24T09:30:00.000Z"))

        assert kept(store).outcome_next_try_at == "2026-11-24T09:31:40.000Z"
        assert not store.hold_outcome(
            MESSAGE_ID, "2026-11-24T09:31:39.999Z", "2026-11-24T09:33:00.000Z"
        )

    def test_an_outcome_is_held_for_one_caller_until_its_time_is_over(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered", received_at="2026-11-24T09:30:00.000Z"))

        held = [
            store.hold_outcome(MESSAGE_ID, at, until)
            for at, until in (
                ("2026-11-24T09:31:40.000Z", "2026-11-24T09:32:20.000Z"),
                ("2026-11-24T09:32:19.999Z", "2026-11-24T09:33:00.000Z"),
                ("2026-11-24T09:32:20.000Z", "2026-11-24T09:33:10.000Z"),
            )
        ]

        assert held == [True, False, True]
        assert kept(store).outcome_next_try_at == "2026-11-24T09:33:10.000Z"
        assert kept(store).outcome_tries == 0
        assert kept(store).outcome_is_open

    def test_one_that_was_given_up_is_closed_until_it_is_replayed_with_all_its_tries(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))
        store.record_not_taken(MESSAGE_ID, AT)

        store.record_given_up(MESSAGE_ID, "moengage_404", LATER)
        message = kept(store)
        assert (message.outcome_given_up, message.outcome_given_up_at) == ("moengage_404", LATER)
        assert not message.outcome_is_open

        store.record_replayed(MESSAGE_ID)
        message = kept(store)
        assert (message.outcome_given_up, message.outcome_given_up_at) == ("", "")
        assert (message.outcome_tries, message.outcome_next_try_at) == (0, "")
        assert message.outcome_is_open
