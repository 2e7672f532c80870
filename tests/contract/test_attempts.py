"""What every message store promises of beginning to send: one wins."""

import pytest

from sms_bridge.domain.attempt import Effect, Recorded, SendResult
from sms_bridge.domain.message import MAY_REPLACE, Message, State
from sms_bridge.services.interfaces import MessageStore
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
    plain,
)
from tests.contract.stores import LATER, kept, record, seen

NO_MESSAGE = Recorded(Message(id="", state=State.SENDING), Effect.LATE, outcome_is_new=False)


def begun(message: Message) -> tuple[Effect, State, int, float, float]:
    return seen(Recorded(message, Effect.MOVED, outcome_is_new=False))


def refused(message: Message) -> tuple[Effect, State, int, float, float]:
    return seen(Recorded(message, Effect.LATE, outcome_is_new=False))


class TestAttempts:
    def test_a_waiting_message_is_taken_out_once(self, store: MessageStore) -> None:
        store.create(a_message(state=State.WAITING, attempt=0, attempt_at=0.0))

        first, second = (store.begin_attempt(MESSAGE_ID, at) for at in (AT, LATER))

        message = kept(store)
        assert (seen(first), seen(second)) == (begun(message), refused(message))
        assert (message.state, message.attempt, message.attempt_at) == (State.SENDING, 1, AT)

    @pytest.mark.parametrize("state", list(State))
    def test_no_other_state_can_be_left_for_sending(
        self, store: MessageStore, state: State
    ) -> None:
        store.create(a_message(state=state))

        is_begun = store.begin_attempt(MESSAGE_ID, AT).effect is Effect.MOVED

        assert is_begun is (state in MAY_REPLACE[State.SENDING])

    def test_a_message_that_is_not_there_cannot_be_begun(self, store: MessageStore) -> None:
        attempt = store.begin_attempt(MESSAGE_ID, AT)

        assert plain(attempt) == plain(NO_MESSAGE)
        assert store.get(MESSAGE_ID) is None

    def test_a_receipt_alone_is_no_message_that_can_be_begun(self, store: MessageStore) -> None:
        record(store, a_receipt("teleported"))

        attempt = store.begin_attempt(MESSAGE_ID, AT)

        assert (attempt.effect, attempt.message.accepted_at) == (Effect.LATE, 0)

    def test_who_begins_learns_that_8x8_may_have_it_from_an_earlier_attempt(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, AMBIGUOUS, State.WAITING, AT)

        attempt = store.begin_attempt(MESSAGE_ID, LATER)

        assert seen(attempt) == (Effect.MOVED, State.SENDING, 2, AT, 0)

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
            store.create(a_message(id=message_id, state=State.WAITING, attempt=0, attempt_at=0.0))

        attempts = store.begin_first_attempts([*ids, *ids[:3]], AT)

        assert list(attempts) == ids
        message = kept(store, ids[-1])
        assert {seen(attempt) for attempt in attempts.values()} == {begun(message)}
        assert (message.state, message.attempt, message.attempt_at) == (State.SENDING, 1, AT)
        again = store.begin_first_attempts(ids, LATER)
        assert {seen(attempt) for attempt in again.values()} == {refused(message)}
        assert plain(kept(store, ids[-1])) == plain(message)

    @pytest.mark.parametrize("state", list(State))
    def test_no_other_state_can_be_left_that_way(self, store: MessageStore, state: State) -> None:
        store.create(a_message(state=state))

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], LATER).values()

        waits = state is State.WAITING
        assert seen(attempt) == (begun if waits else refused)(kept(store))
        assert kept(store).state is (State.SENDING if waits else state)

    def test_one_that_was_tried_before_has_its_next_attempt(self, store: MessageStore) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, THROTTLED, State.WAITING, AT)

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], LATER).values()

        assert seen(attempt) == begun(kept(store))
        message = kept(store)
        assert (message.attempt, message.attempt_at) == (2, LATER)
        assert (message.reason, message.answered_at) == ("", 0.0)

    def test_one_that_is_not_there_is_not_made(self, store: MessageStore) -> None:
        store.create(a_message(id="another", state=State.WAITING, attempt=0, attempt_at=0.0))

        attempts = store.begin_first_attempts([MESSAGE_ID, "another"], AT)

        assert plain(attempts[MESSAGE_ID]) == plain(NO_MESSAGE)
        assert seen(attempts["another"]) == begun(kept(store, "another"))
        assert store.get(MESSAGE_ID) is None

    def test_a_receipt_alone_is_no_message_that_can_be_begun(self, store: MessageStore) -> None:
        record(store, a_receipt("teleported"))

        (attempt,) = store.begin_first_attempts([MESSAGE_ID], AT).values()

        assert isinstance(attempt, Recorded)
        assert (attempt.effect, attempt.message.accepted_at) == (Effect.LATE, 0)

    def test_none_is_nothing_to_do(self, store: MessageStore) -> None:
        assert store.begin_first_attempts([], AT) == {}
