"""Messages as items, and back."""

from dataclasses import fields, replace
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.state import State
from sms_bridge.storage.items import (
    RECEIPT_PREFIX,
    STORED_NAMES,
    attributes,
    message_attributes,
    message_from,
    outcome_attributes,
    receipt_attribute,
)
from tests.builders import AT, MESSAGE_ID, a_message, a_receipt

words = st.text(max_size=20)
counts = st.integers(0, 999)
outcomes = st.builds(Outcome, st.sampled_from(OutcomeStatus), words, words)
receipts = st.builds(
    Receipt,
    umid=st.just(""),
    client_message_id=st.just(""),
    sub_account_id=st.just(""),
    state=st.none() | st.sampled_from(State),
    eightx8_state=words | st.sampled_from(State).map(str),
    detail=words,
    at=words,
    received_at=words,
    error_code=words,
    error_message=words,
    price=words,
    segments=counts,
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw a message of which anything may be known."""
    message = draw(
        st.builds(
            Message,
            id=words.filter(bool),
            state=st.sampled_from(State),
            destination=words,
            client_message_id=words,
            campaign_id=words,
            encoding=words,
            segments=counts,
            umid=words,
            sub_account_id=words,
            reason=words,
            accepted_at=words,
            outcome=st.none() | outcomes,
            outcome_reported_at=words,
            outcome_due_at=words,
            outcome_tries=counts,
            outcome_next_try_at=words,
            outcome_given_up=words,
            outcome_given_up_at=words,
            message_type=st.sampled_from(MessageType),
            attempt=counts,
            ends_a_chain=st.booleans(),
        )
    )
    if message.attempt:
        attempt_at = draw(st.just(message.accepted_at) | words.filter(bool))
        message = replace(message, attempt_at=attempt_at)
    history = draw(st.lists(receipts, max_size=4, unique_by=lambda one: one.key))
    of_this_message = [
        replace(
            one,
            umid=message.umid,
            client_message_id=message.id,
            sub_account_id=message.sub_account_id,
        )
        for one in sorted(history, key=lambda one: (one.received_at, one.at))
    ]
    return replace(message, receipts=tuple(of_this_message))


def item_of(message: Message) -> dict[str, Any]:
    values = {"id": message.id, "state": message.state.value, **message_attributes(message)}
    if message.outcome:
        values["outcome"] = outcome_attributes(message.outcome, AT)["outcome"]
    values |= {RECEIPT_PREFIX + one.key: receipt_attribute(one) for one in message.receipts}
    return attributes(values)


@given(messages())
def test_a_message_comes_back_as_it_was_stored(message: Message) -> None:
    assert message_from(item_of(message)) == message


nested = st.recursive(
    words.filter(bool) | counts | st.booleans(),
    lambda inner: st.dictionaries(words.filter(bool), inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(words.filter(bool), nested, max_size=5))
def test_items_are_noted_as_boto3_notes_them(values: dict[str, Any]) -> None:
    serialize = TypeSerializer().serialize

    assert attributes(values) == {name: serialize(value) for name, value in values.items()}


def test_what_no_item_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="no item holds a float"):
        attributes({"price": 0.5})


def test_what_is_not_known_takes_no_room() -> None:
    assert set(item_of(Message(id=MESSAGE_ID, state=State.SENT))) == {"id", "type", "state"}


def test_attributes_that_a_later_version_added_do_no_harm() -> None:
    item = item_of(a_message()) | attributes({"invented_later": 1, "expires_at": 1})

    assert message_from(item) == a_message()


def test_receipts_are_in_the_order_in_which_they_came() -> None:
    second = a_receipt("sent", received_at="2026-11-24T09:30:09.000Z")
    first = a_receipt("delivered", received_at="2026-11-24T09:30:04.000Z")

    message = message_from(item_of(a_message(receipts=(second, first))))

    assert [one.eightx8_state for one in message.receipts] == ["delivered", "sent"]


def test_an_item_that_only_a_told_time_made_can_be_read() -> None:
    item = attributes({"id": MESSAGE_ID, "reported_at": "2026-11-24T09:30:04.000Z"})

    assert message_from(item).state is State.SENDING


def test_a_receipt_is_not_stored_twice_in_its_name_and_its_value() -> None:
    receipt = a_receipt("undelivered", detail="undelivered_to_operator", error_code="1")

    assert receipt_attribute(receipt) == {"received_at": receipt.received_at}


def test_what_a_receipt_means_is_stored_where_8x8s_word_does_not_say_it() -> None:
    receipt = a_receipt("undelivered", error_code="22")

    assert receipt_attribute(receipt)["means"] == "deferred"


def test_a_receipt_whose_words_have_blanks_is_stored_in_full() -> None:
    receipt = a_receipt("not seen before", detail="why ever")

    assert receipt_attribute(receipt)["state"] == "not seen before"
    assert message_from(item_of(a_message(umid=receipt.umid, receipts=(receipt,)))).receipts == (
        receipt,
    )


def test_every_other_name_is_a_field_of_a_message() -> None:
    assert STORED_NAMES.keys() <= {field.name for field in fields(Message)}
