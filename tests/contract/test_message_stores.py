"""What every message store promises of one message."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sms_bridge.rules.life_cycle import MAY_REPLACE, State
from sms_bridge.rules.messages import Message, Outcome, Receipt, Told
from sms_bridge.rules.outcomes import outcome_of_receipt
from sms_bridge.rules.send_results import SendResult
from sms_bridge.rules.sending_again import ResendPolicy
from sms_bridge.storage.messages import FIRST_ATTEMPT, Attempt, Effect, MessageStore, Recorded
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
from tests.fakes.messages import InMemoryMessages

LATER = "2026-11-24T09:31:00.000Z"
POLICY = ResendPolicy()
DELIVERED = Outcome(Told.DELIVERED)
GONE = Outcome(Told.FAILED, "no_receipt", "None came")


def record(store: MessageStore, receipt: Receipt) -> Recorded:
    return store.record_receipt(MESSAGE_ID, receipt, outcome_of_receipt(receipt))


def kept(store: MessageStore, message_id: str = MESSAGE_ID) -> Message:
    message = store.get(message_id)
    assert message is not None
    return message


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


class TestAttempts:
    def test_a_waiting_message_is_taken_out_once(self, store: MessageStore) -> None:
        store.create(a_message(state=State.WAITING, attempt=0, attempt_at=""))

        first, second = (store.begin_attempt(MESSAGE_ID, at) for at in (AT, LATER))

        assert first == Attempt(begun=True, state=State.SENDING, number=1)
        assert second == Attempt(begun=False, state=State.SENDING, number=1)
        message = kept(store)
        assert (message.state, message.attempt, message.attempt_at) == (State.SENDING, 1, AT)

    @pytest.mark.parametrize("state", list(State))
    def test_no_other_state_can_be_left_for_sending(
        self, store: MessageStore, state: State
    ) -> None:
        store.create(a_message(state=state))

        assert store.begin_attempt(MESSAGE_ID, AT).begun is (state in MAY_REPLACE[State.SENDING])

    def test_a_message_that_is_not_there_cannot_be_begun(self, store: MessageStore) -> None:
        attempt = store.begin_attempt(MESSAGE_ID, AT)

        assert attempt == Attempt(begun=False)
        assert store.get(MESSAGE_ID) is None

    def test_a_receipt_alone_is_no_message_that_can_be_begun(self, store: MessageStore) -> None:
        record(store, a_receipt("teleported"))

        assert store.begin_attempt(MESSAGE_ID, AT) == Attempt(begun=False)

    def test_who_begins_hears_that_8x8_may_have_it_from_an_earlier_attempt(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, AMBIGUOUS, State.WAITING, AT)

        attempt = store.begin_attempt(MESSAGE_ID, LATER)

        assert attempt == Attempt(begun=True, state=State.SENDING, number=2, is_in_doubt=True)

    def test_a_later_attempt_takes_the_right_to_say_what_came_of_an_earlier_one(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, NOT_SENT, State.WAITING, AT)
        store.begin_attempt(MESSAGE_ID, LATER)

        late = store.record_result(MESSAGE_ID, 1, REFUSED, State.FAILED, LATER)

        assert (late.effect, late.outcome_is_new) == (Effect.LATE, False)
        assert (kept(store).state, kept(store).outcome) == (State.SENDING, None)
        assert store.record_result(MESSAGE_ID, 2, THROTTLED, State.WAITING, LATER).effect is (
            Effect.MOVED
        )

    @pytest.mark.parametrize(
        ("result", "state"), [(ACCEPTED, State.QUEUED), (REJECTED, State.REJECTED)]
    )
    def test_but_8x8s_umid_is_proof_whoever_brings_it(
        self, store: MessageStore, result: SendResult, state: State
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, NOT_SENT, State.WAITING, AT)
        store.begin_attempt(MESSAGE_ID, LATER)

        recorded = store.record_result(MESSAGE_ID, 1, result, state, LATER)

        assert (recorded.effect, kept(store).state) == (Effect.MOVED, state)

    def test_what_an_attempt_failed_of_is_over_with_the_next(self, store: MessageStore) -> None:
        store.create(a_message())
        failed = store.record_result(MESSAGE_ID, 1, THROTTLED, State.WAITING, AT).message
        assert failed.reason == THROTTLED.reason
        store.begin_attempt(MESSAGE_ID, LATER)

        message = store.record_result(MESSAGE_ID, 2, ACCEPTED, State.QUEUED, LATER).message

        assert (message.reason, message.description, message.eightx8_code) == ("", "", "")
        assert (message.umid, message.answered_at) == (UMID, LATER)


class TestFirstAttempts:
    """The attempts of many messages, begun together."""

    def test_each_is_begun_as_if_it_were_alone(self, store: MessageStore) -> None:
        ids = [f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]
        for message_id in ids:
            store.create(a_message(id=message_id, state=State.WAITING, attempt=0, attempt_at=""))

        attempts = store.begin_first_attempts([*ids, *ids[:3]], AT)

        assert attempts == dict.fromkeys(ids, FIRST_ATTEMPT)
        message = kept(store, ids[-1])
        assert (message.state, message.attempt, message.attempt_at) == (State.SENDING, 1, AT)
        assert store.begin_first_attempts(ids, LATER) == {
            one: Attempt.at(kept(store, one), begun=False) for one in ids
        }
        assert kept(store, ids[-1]) == message

    @pytest.mark.parametrize("state", list(State))
    def test_no_other_state_can_be_left_that_way(self, store: MessageStore, state: State) -> None:
        store.create(a_message(state=state))

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], LATER).values()

        waits = state is State.WAITING
        assert attempt == Attempt.at(kept(store), begun=waits)
        assert kept(store).state is (State.SENDING if waits else state)

    def test_one_that_was_tried_before_has_its_next_attempt(self, store: MessageStore) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, THROTTLED, State.WAITING, AT)

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], LATER).values()

        assert attempt == Attempt.at(kept(store), begun=True)
        message = kept(store)
        assert (message.attempt, message.attempt_at) == (2, LATER)
        assert (message.reason, message.answered_at) == ("", "")

    def test_one_that_is_not_there_is_not_made(self, store: MessageStore) -> None:
        store.create(a_message(id="another", state=State.WAITING, attempt=0, attempt_at=""))

        attempts = store.begin_first_attempts([MESSAGE_ID, "another"], AT)

        assert attempts[MESSAGE_ID] == Attempt(begun=False)
        assert attempts["another"] == Attempt.at(kept(store, "another"), begun=True)
        assert store.get(MESSAGE_ID) is None

    def test_a_receipt_alone_is_no_message_that_can_be_begun(self, store: MessageStore) -> None:
        record(store, a_receipt("teleported"))

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], AT).values()

        assert attempt == Attempt(begun=False)

    def test_none_is_nothing_to_do(self, store: MessageStore) -> None:
        assert store.begin_first_attempts([], AT) == {}


class TestResults:
    @pytest.mark.parametrize(
        ("result", "state", "status"),
        [
            (ACCEPTED, State.QUEUED, None),
            (AMBIGUOUS, State.UNKNOWN, None),
            (THROTTLED, State.WAITING, None),
            (NOT_SENT, State.WAITING, None),
            (REJECTED, State.REJECTED, Told.FAILED),
            (REFUSED, State.FAILED, Told.FAILED),
        ],
        ids=lambda value: getattr(value, "reason", None),
    )
    def test_a_result_moves_the_message_and_may_bring_an_outcome(
        self, store: MessageStore, result: SendResult, state: State, status: Told | None
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

        store.record_told(MESSAGE_ID, "2026-11-24T09:30:10.000Z")
        store.record_told(MESSAGE_ID, "2026-11-24T09:30:20.000Z")

        assert kept(store).outcome_told_at == "2026-11-24T09:30:10.000Z"
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
