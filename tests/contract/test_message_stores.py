"""What every message store promises of one message."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sms_bridge.domain.attempt import AmbiguousSendPolicy, Effect, SendResult, Verdict
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Outcome, OutcomeStatus, State
from sms_bridge.services.interfaces import MessageStore
from sms_bridge.storage import messages as storage
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    AT,
    EVER,
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
from tests.contract.stores import LATER, kept, record
from tests.fakes import messages as fake
from tests.fakes.messages import InMemoryMessages

POLICY = AmbiguousSendPolicy.HOLD
DELIVERED = Outcome(OutcomeStatus.DELIVERED)
GONE = Outcome(OutcomeStatus.FAILED, "no_receipt", "None came")


FAR = AT + 1_000_000


class TestCreation:
    def test_a_message_can_be_read_back_as_it_was_given(self, store: MessageStore) -> None:
        message = a_message(
            source="Acme", campaign_id="c-1", dlt_template_id="d-1", client_message_id="theirs"
        )

        assert store.create(message) is None
        assert plain(store.get(message.id)) == plain(message)

    def test_a_message_that_was_never_created_is_not_there(self, store: MessageStore) -> None:
        assert store.get(MESSAGE_ID) is None

    def test_an_id_is_taken_once_and_by_whom_can_be_seen(self, store: MessageStore) -> None:
        store.create(a_message())

        assert store.create(a_message()) is None, "the same call, whose answer was lost"
        assert plain(store.create(a_message(claimed_by="request-2", source="Other"))) == plain(
            a_message()
        )
        assert plain(store.get(MESSAGE_ID)) == plain(a_message())

    def test_of_many_simultaneous_calls_one_creates(self) -> None:
        store = InMemoryMessages()  # moto does not keep its promises under simultaneous calls
        names = [f"request-{number}" for number in range(12)]

        with ThreadPoolExecutor(len(names)) as pool:
            taken = list(pool.map(lambda name: store.create(a_message(claimed_by=name)), names))

        assert plain(taken.count(None)) == 1
        assert {one.claimed_by for one in taken if one} == {kept(store).claimed_by}

    def test_the_closing_record_is_no_open_message(self, store: MessageStore) -> None:
        store.create(a_message(closes_window=True))

        assert kept(store).closes_window
        assert list(store.open_messages(until=EVER)) == []


OTHERS = [f"1a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(30)]


class TestCreatingMany:
    """Each as if it were created alone."""

    def test_all_that_are_new_are_created_as_they_were_given(self, store: MessageStore) -> None:
        messages = [
            a_message(id=one, campaign_id="c-1", attempt=0, attempt_at=0.0) for one in OTHERS
        ]

        assert store.create_all(messages) == [None] * len(OTHERS)
        assert plain([store.get(one) for one in OTHERS]) == plain(messages)
        assert store.create_all([]) == []

    def test_ids_that_are_taken_show_by_whom(self, store: MessageStore) -> None:
        first = [a_message(id=one) for one in OTHERS[:28:2]]
        store.create_all(first)

        again = store.create_all([a_message(id=one, claimed_by="request-2") for one in OTHERS])

        assert plain(again) == plain(
            [a_message(id=one) if one in OTHERS[:28:2] else None for one in OTHERS]
        )
        assert store.create_all(first) == [None] * len(first), (
            "the same call, whose answer was lost"
        )

    def test_a_receipt_that_came_first_keeps_its_state(self, store: MessageStore) -> None:
        record(store, a_receipt("delivered"))

        created = store.create_all([a_message(source="Acme"), a_message(id=OTHERS[0])])

        assert created == [None, None]
        message = kept(store)
        assert (message.state, message.umid, message.source) == (State.DELIVERED, UMID, "Acme")

    def test_a_closing_record_is_created_like_a_message(self, store: MessageStore) -> None:
        store.create_all([a_message(closes_window=True)])

        assert kept(store).closes_window


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
        assert plain(recorded.message) == plain(store.get(MESSAGE_ID))

    def test_8x8s_ids_and_codes_are_kept(self, store: MessageStore) -> None:
        store.create(a_message())

        message = store.record_result(
            MESSAGE_ID, 1, REFUSED, POLICY.state_after(REFUSED), AT
        ).message

        assert (message.reason, message.eightx8_code) == ("eightx8_invalid_destination", "1002")

    def test_what_was_not_known_of_an_attempt_is_over_with_its_answer(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, AMBIGUOUS, State.UNKNOWN, AT)

        message = store.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, LATER).message

        assert (message.reason, message.description) == ("", "")
        assert plain(message) == plain(kept(store))

    def test_a_receipt_that_came_before_the_answer_keeps_its_state(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))

        recorded = store.record_result(MESSAGE_ID, 1, AMBIGUOUS, POLICY.state_after(AMBIGUOUS), AT)

        assert recorded.effect is Effect.LATE
        assert recorded.message.state is State.DELIVERED
        assert recorded.message.answered_at == AT
        assert plain(recorded.message.outcome) == plain(DELIVERED)


class TestReceipts:
    @pytest.mark.parametrize(
        "states", [("delivered", "read"), ("undelivered", "rejected"), ("read", "delivered")]
    )
    def test_of_two_that_come_at_the_same_moment_one_brings_the_outcome(
        self, store: MessageStore, states: tuple[str, str]
    ) -> None:
        store.create(a_message())

        came = [record(store, a_receipt(state, received_at=LATER)) for state in states]

        assert [one.outcome_is_new for one in came] == [True, False]
        assert plain(kept(store).outcome) == plain(came[0].message.outcome)
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
        second = record(store, a_receipt("delivered", received_at=LATER))
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

        recorded = record(
            store, a_receipt("sent", received_at=seconds_of("2026-11-24T09:31:00.000Z"))
        )

        assert recorded.effect is Effect.LATE
        assert recorded.message.state is State.DELIVERED
        assert [receipt.eightx8_state for receipt in recorded.message.receipts] == [
            "delivered",
            "sent",
        ]

    def test_promise_4_delivered_after_undelivered_changes_an_outcome_that_was_not_reported(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        first = record(store, a_receipt("undelivered", error_code="1", error_message="Absent"))

        recorded = record(store, a_receipt("delivered", received_at=LATER))

        assert plain((recorded.message.state, recorded.message.outcome)) == plain(
            (State.DELIVERED, DELIVERED)
        )
        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)
        # It is due since the first receipt, and its record is in the queue.
        assert recorded.message.outcome_due_at == first.message.outcome_due_at
        assert recorded.message.outcome_lease_owner == first.message.outcome_lease_owner

    def test_promise_5_delivered_after_undelivered_does_not_change_what_was_reported(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        failed = record(store, a_receipt("undelivered")).message.outcome
        assert failed is not None
        store.record_reported(MESSAGE_ID, failed, AT)

        recorded = record(store, a_receipt("delivered", received_at=LATER))

        assert plain((recorded.message.state, recorded.message.outcome)) == plain(
            (State.DELIVERED, failed)
        )
        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)

    def test_a_copy_that_8x8_has_under_another_id_moves_its_message(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("queued"))

        moved = record(store, a_receipt("sent", umid="another"))
        recorded = record(store, a_receipt("delivered", received_at=LATER, umid="another"))

        assert (moved.effect, moved.outcome_is_new) == (Effect.MOVED, False)
        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, True)
        message = kept(store)
        assert (message.state, message.umid) == (State.DELIVERED, UMID)
        receipts = [(one.eightx8_state, one.umid) for one in message.receipts]
        assert receipts == [("queued", UMID), ("sent", "another"), ("delivered", "another")]

    def test_a_late_receipt_of_a_copy_keeps_its_id(self, store: MessageStore) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered"))

        assert record(store, a_receipt("sent", umid="another")).effect is Effect.LATE

        assert {one.umid for one in kept(store).receipts} == {UMID, "another"}

    def test_a_receipt_of_another_sub_account_is_kept_and_moves_nothing(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, AT)
        strange = a_receipt(
            "undelivered", error_message="x", received_at=LATER, sub_account_id="another"
        )

        recorded = record(store, strange)

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MISMATCHED, False)
        message = kept(store)
        assert (message.state, message.outcome) == (State.QUEUED, None)
        assert plain(message.receipts) == plain((strange,))
        assert (message.umid, message.sub_account_id) == (UMID, a_message().sub_account_id)
        assert record(store, a_receipt("delivered")).effect is Effect.MOVED

    def test_the_case_of_a_sub_account_makes_no_other_message(self, store: MessageStore) -> None:
        store.create(a_message())
        sub_account_id = a_message().sub_account_id

        recorded = record(store, a_receipt("delivered", sub_account_id=sub_account_id.upper()))

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, True)
        assert recorded.message.sub_account_id == sub_account_id

    def test_more_receipts_than_an_item_holds_are_not_kept_and_the_next_real_one_moves_it(
        self, store: MessageStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (storage, fake):
            monkeypatch.setattr(module, "MAX_RECEIPTS", 4)
        store.create(a_message(state=State.SENT))
        for number in range(6):
            record(store, a_receipt("sent", detail=f"again-{number}"))
        assert len(kept(store).receipts) == 4

        recorded = record(store, a_receipt("delivered"))

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, True)

    def test_a_receipt_without_a_message_is_kept_and_not_reported(
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

    @pytest.mark.parametrize("word", ["teleported", ""], ids=["a new word", "none, as of the log"])
    def test_a_state_that_nobody_knows_is_kept_in_the_history(
        self, word: str, store: MessageStore
    ) -> None:
        store.create(a_message())

        recorded = record(store, a_receipt(word))

        assert recorded.message.state is State.SENDING
        assert [receipt.eightx8_state for receipt in recorded.message.receipts] == [word]


class TestOutcomes:
    def test_what_it_takes_to_report_one_can_be_read_alone(self, store: MessageStore) -> None:
        message = a_message(umid=UMID, recipient_hash="h", campaign_id="c-1")
        store.create(message)
        assert store.get_outcome("another") is None

        for step in range(3):
            if step == 1:
                record(store, a_receipt("delivered"))
                store.lease_outcome(MESSAGE_ID, "r-1", AT + 900, AT + 940)
                store.record_not_acknowledged(MESSAGE_ID, "r-1", AT + 1000)
            if step == 2:
                store.record_given_up(MESSAGE_ID, "moengage_400", LATER)
            found, whole = store.get_outcome(MESSAGE_ID), kept(store)
            assert found is not None
            for name in (
                *("id", "accepted_at", "umid", "sub_account_id", "destination", "recipient_hash"),
                *("campaign_id", "outcome", "outcome_is_open", "outcome_due_at", "outcome_tries"),
                *("outcome_lease_owner", "outcome_lease_until", "outcome_next_try_at"),
                *("outcome_reported_at", "outcome_given_up"),
            ):
                assert plain(getattr(found, name)) == plain(getattr(whole, name)), name

    def test_that_of_a_reply_is_never_open(self, store: MessageStore) -> None:
        store.create(a_message(reply_to=UMID))
        record(store, a_receipt("delivered"))

        found = store.get_outcome(MESSAGE_ID)

        assert found is not None
        assert not found.outcome_is_open

    def test_a_result_that_comes_after_an_outcome_changes_it_unless_it_was_reported(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        store.record_result(MESSAGE_ID, 1, AMBIGUOUS, State.UNKNOWN, AT)
        store.record_outcome(MESSAGE_ID, GONE, AT)

        failed = replace(AMBIGUOUS, verdict=Verdict.PERMANENT)
        recorded = store.record_result(MESSAGE_ID, 1, failed, State.FAILED, LATER)

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)
        assert plain((kept(store).state, kept(store).outcome)) == plain(
            (State.FAILED, failed.failure)
        )

    def test_an_outcome_that_no_receipt_brought_is_due_once(self, store: MessageStore) -> None:
        store.create(a_message(state=State.SENT))

        first = store.record_outcome(MESSAGE_ID, GONE, AT)
        second = store.record_outcome(MESSAGE_ID, DELIVERED, LATER)

        assert [one.outcome_is_new for one in (first, second)] == [True, False]
        assert [one.effect for one in (first, second)] == [Effect.MOVED, Effect.LATE]
        message = kept(store)
        assert plain((message.outcome, message.outcome_due_at, message.state)) == plain(
            (GONE, AT, State.SENT)
        )

    def test_a_receipt_that_comes_after_it_is_the_outcome_unless_it_was_reported(
        self, store: MessageStore
    ) -> None:
        store.create(a_message(state=State.SENT))
        store.record_outcome(MESSAGE_ID, GONE, AT)

        recorded = record(store, a_receipt("delivered"))

        assert (recorded.effect, recorded.outcome_is_new) == (Effect.MOVED, False)
        assert plain((kept(store).state, kept(store).outcome)) == plain(
            (State.DELIVERED, DELIVERED)
        )

    def test_what_was_reported_is_written_down_and_stays_whatever_comes_later(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("undelivered"))
        # While this one was reported, a receipt came that changed it.
        record(store, a_receipt("delivered", received_at=LATER))

        store.record_reported(MESSAGE_ID, GONE, seconds_of("2026-11-24T09:30:10.000Z"))
        store.record_reported(MESSAGE_ID, DELIVERED, seconds_of("2026-11-24T09:30:20.000Z"))

        message = kept(store)
        assert plain((message.outcome, message.state)) == plain((GONE, State.DELIVERED))
        assert message.outcome_reported_at == seconds_of("2026-11-24T09:30:10.000Z")
        assert (message.outcome_lease_owner, message.outcome_is_open) == ("", False)
        assert not store.lease_outcome(MESSAGE_ID, "reporter", FAR, FAR)

    def test_a_report_that_was_not_acknowledged_is_counted_once_and_tried_again_later(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered", received_at=AT))
        first = kept(store).outcome_lease_owner

        store.record_not_acknowledged(MESSAGE_ID, "somebody else", LATER)
        assert kept(store).outcome_tries == 0
        for _ in range(2):
            store.record_not_acknowledged(MESSAGE_ID, first, LATER)

        message = kept(store)
        assert (message.outcome_tries, message.outcome_next_try_at) == (1, LATER)
        assert (message.outcome_lease_owner, message.outcome_lease_until) == ("", 0.0)
        assert message.outcome_is_open
        assert not store.lease_outcome(MESSAGE_ID, "reporter", AT, FAR)
        assert store.lease_outcome(MESSAGE_ID, "reporter", LATER, FAR)

    def test_an_outcome_is_leased_to_its_first_record_from_the_moment_it_is_due(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        recorded = record(
            store, a_receipt("delivered", received_at=seconds_of("2026-11-24T09:30:00.000Z"))
        )

        assert recorded.message.outcome_lease_owner
        assert kept(store).outcome_lease_until == AT + 100
        assert not store.lease_outcome(MESSAGE_ID, "reporter", AT + 99.999, AT + 180)

    def test_an_outcome_is_leased_to_one_reporter_until_its_time_is_over(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("delivered", received_at=seconds_of("2026-11-24T09:30:00.000Z")))

        leased = [
            store.lease_outcome(MESSAGE_ID, owner, at, until)
            for owner, at, until in (
                ("a", AT + 100, AT + 140),
                ("b", AT + 139.999, AT + 180),
                ("a", AT + 139.999, AT + 140),
                ("b", AT + 140, AT + 190),
            )
        ]

        assert leased == [True, False, True, True]
        message = kept(store)
        assert (message.outcome_lease_owner, message.outcome_tries) == ("b", 0)
        assert message.outcome_lease_until == AT + 190
        assert message.outcome_is_open

    def test_one_that_was_given_up_is_closed_and_follows_the_state(
        self, store: MessageStore
    ) -> None:
        store.create(a_message())
        record(store, a_receipt("undelivered"))

        store.record_given_up(MESSAGE_ID, "moengage_404", LATER)
        message = kept(store)
        assert (message.outcome_given_up, message.outcome_given_up_at) == ("moengage_404", LATER)
        assert not message.outcome_is_open

        record(store, a_receipt("delivered", received_at=LATER))
        assert plain(kept(store).outcome) == plain(DELIVERED)

    def test_nothing_is_made_of_a_message_that_is_not_there(self, store: MessageStore) -> None:
        store.record_reported(MESSAGE_ID, DELIVERED, AT)
        store.record_not_acknowledged(MESSAGE_ID, "reporter", AT)
        store.record_given_up(MESSAGE_ID, "r", AT)
        store.close(MESSAGE_ID)

        assert store.get(MESSAGE_ID) is None
