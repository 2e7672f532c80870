"""Messages as items, and back."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt, State
from sms_bridge.errors import UnreadableItemError
from sms_bridge.storage.table import (
    from_item,
    message_from,
    message_values,
    outcome_values,
    receipt_name,
    receipt_values,
    to_item,
)
from tests.builders import MESSAGE_ID, NUMBER, a_message, a_receipt, plain

words = st.text(max_size=20)
counts = st.integers(0, 999)
outcomes = st.builds(Outcome, st.sampled_from(OutcomeStatus), words, words)
# Items hold milliseconds.
moments = st.just(0.0) | st.integers(1, 4_000_000_000_000).map(lambda one: one / 1000)

BY_TYPE = {str: words, float: moments, int: counts, bool: st.booleans()}


def plain_fields(its_class: type[Message | Receipt]) -> dict[str, Any]:
    """Return a strategy for each field that has a default of a plain type."""
    types = {one.name: type(one.default) for one in fields(its_class)}
    return {name: BY_TYPE[its_type] for name, its_type in types.items() if its_type in BY_TYPE}


receipts = st.builds(
    Receipt,
    umid=st.just(""),
    client_message_id=st.just(""),
    sub_account_id=st.just(""),
    state=st.none() | st.sampled_from(State),
    eightx8_state=words | st.sampled_from(State).map(str),
    **plain_fields(Receipt),
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw a message of which anything may be known."""
    message = draw(
        st.builds(
            Message,
            id=words.filter(bool),
            state=st.sampled_from(State),
            outcome=st.none() | outcomes,
            message_type=st.sampled_from(MessageType),
            **plain_fields(Message),
        )
    )
    attempt_at = draw(st.just(message.accepted_at) | moments.filter(bool))
    message = replace(message, attempt_at=attempt_at if message.attempt else 0.0)
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
    values: dict[str, Any] = {"id": message.id, **message_values(message)}
    if message.outcome:
        values["outcome"] = outcome_values(message.outcome)
    for receipt in message.receipts:
        values[receipt_name(receipt)] = receipt_values(receipt)
    return to_item(values)


@given(messages())
def test_a_message_comes_back_as_it_was_stored(message: Message) -> None:
    assert plain(message_from(item_of(message))) == plain(message)


nested = st.recursive(
    words.filter(bool) | st.integers(1, 999) | st.just(True),
    lambda inner: st.dictionaries(words.filter(bool), inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(words.filter(bool), nested, max_size=5))
def test_values_come_back_as_they_were_stored(values: dict[str, Any]) -> None:
    assert from_item(to_item(values)) == values


@pytest.mark.parametrize(
    ("closes_window", "more"),
    [(False, {"open_shard"}), (True, {"closes_window"})],
    ids=["a message", "a closing record, which is on no list"],
)
def test_what_is_not_known_takes_no_room(closes_window: bool, more: set[str]) -> None:
    bare = Message(id=MESSAGE_ID, state=State.SENT, closes_window=closes_window)

    assert set(item_of(bare)) == {"id", "state", "message_type"} | more


def test_attributes_that_a_later_version_added_do_no_harm() -> None:
    item = item_of(a_message()) | to_item({"invented_later": Decimal("1.5"), "expires_at": 1})

    assert plain(message_from(item)) == plain(a_message())


def test_receipts_are_in_the_order_in_which_they_came() -> None:
    second = a_receipt("sent", received_at=seconds_of("2026-11-24T09:30:09.000Z"))
    first = a_receipt("delivered", received_at=seconds_of("2026-11-24T09:30:04.000Z"))

    message = message_from(item_of(a_message(receipts=(second, first))))

    assert [one.eightx8_state for one in message.receipts] == ["delivered", "sent"]


def test_a_receipts_facts_can_be_read_in_the_console() -> None:
    receipt = a_receipt("undelivered", detail="undelivered_to_operator", error_code="22")

    assert from_item(to_item(receipt_values(receipt))) == {
        "state": "undelivered",
        "means": "deferred",
        "detail": "undelivered_to_operator",
        "at": receipt.at,
        "received_at": timestamp(receipt.received_at),
        "error_code": "22",
    }


def test_a_receipt_has_those_ids_that_differ_from_its_messages() -> None:
    receipt = a_receipt("sent")
    known = {"umid": receipt.umid, "sub_account_id": "another"}

    own = receipt_values(receipt, known).keys() - receipt_values(receipt).keys()

    assert own == {"sub_account_id"}


@pytest.mark.parametrize(
    "odd",
    [
        {"state": "teleported"},
        {"message_type": "fax"},
        {"segments": "two"},
        {"accepted_at": 1},
        {"outcome": {"status": "MAYBE"}},
        {"outcome": {"reason": "no status"}},
        {"outcome": "DELIVERED"},
        {"receipt_1": {"detail": "no state"}},
        {"receipt_1": {"state": "sent", "means": "teleported"}},
    ],
    ids=str,
)
def test_an_item_that_cannot_be_read_is_named_and_nothing_of_it_quoted(odd: dict[str, Any]) -> None:
    item = item_of(a_message()) | to_item(odd)

    with pytest.raises(UnreadableItemError) as unreadable:
        message_from(item)

    assert unreadable.value.item_id == MESSAGE_ID
    assert NUMBER not in str(unreadable.value)
