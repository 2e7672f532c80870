"""Which state may follow which."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.state import FINAL, MAY_REPLACE, NOT_WITH_8X8, State, state_of_receipt

# Rows: where a message stands; columns: what is reported. "x": the message moves.
MOVES = """
             waiting sending unknown failed queued sent deferred rejected undelivered delivered read
waiting         .       x       .      x      x      x      x        x          x          x      x
sending         x       .       x      x      x      x      x        x          x          x      x
unknown         x       .       .      x      x      x      x        x          x          x      x
failed          .       .       .      .      .      .      .        .          .          x      x
queued          .       .       .      .      .      x      x        x          x          x      x
sent            .       .       .      .      .      .      x        x          x          x      x
deferred        .       .       .      .      .      .      .        x          x          x      x
rejected        .       .       .      .      .      .      .        .          .          x      x
undelivered     .       .       .      .      .      .      .        .          .          x      x
delivered       .       .       .      .      .      .      .        .          .          .      x
read            .       .       .      .      .      .      .        .          .          .      .
"""


def table() -> list[tuple[State, State, bool]]:
    header, *rows = (line.split() for line in MOVES.strip().splitlines())
    return [
        (State(before), State(after), mark == "x")
        for before, *marks in rows
        for after, mark in zip(header, marks, strict=True)
    ]


@pytest.mark.parametrize(("before", "after", "moves"), table())
def test_a_state_follows_another_only_where_the_table_says_so(
    before: State, after: State, moves: bool
) -> None:
    assert (before in MAY_REPLACE[after]) is moves


def test_the_table_names_every_pair_of_states() -> None:
    pairs = {(before, after) for before, after, _ in table()}

    assert pairs == set(itertools.product(State, State))


# How far a message is on its way; none of these may be lost again.
FORWARD = [
    {State.WAITING, State.SENDING, State.UNKNOWN},
    {State.QUEUED},
    {State.SENT},
    {State.DEFERRED},
    {State.FAILED, State.REJECTED, State.UNDELIVERED},
    {State.DELIVERED},
    {State.READ},
]


def how_far(state: State) -> int:
    return next(number for number, states in enumerate(FORWARD) if state in states)


@given(st.lists(st.sampled_from(State), max_size=30))
def test_in_any_order_a_message_only_goes_forward_once_8x8_has_it(reported: list[State]) -> None:
    state = State.SENDING
    for after in reported:
        before, state = state, after if state in MAY_REPLACE[after] else state
        assert how_far(before) <= how_far(state)
        if before is State.WAITING:
            assert state is not State.UNKNOWN
    if State.DELIVERED in reported or State.READ in reported:
        assert state in (State.DELIVERED, State.READ)


def test_the_one_way_back_is_to_waiting_and_from_where_8x8_may_not_have_it() -> None:
    backwards = {
        (before, after)
        for before, after in itertools.permutations(State, 2)
        if before in MAY_REPLACE[after] and after in MAY_REPLACE[before]
    }

    assert backwards == {(State.WAITING, State.SENDING), (State.SENDING, State.WAITING)}
    assert MAY_REPLACE[State.WAITING] == {State.SENDING, State.UNKNOWN}
    assert MAY_REPLACE[State.SENDING] == {State.WAITING}


def test_what_may_follow_in_two_steps_may_follow_in_one_once_8x8_has_it() -> None:
    with_8x8 = [state for state in State if state not in NOT_WITH_8X8]
    for first, second, third in itertools.product(State, with_8x8, with_8x8):
        if first in MAY_REPLACE[second] and second in MAY_REPLACE[third]:
            assert first in MAY_REPLACE[third]


def test_the_final_states_are_those_with_an_outcome() -> None:
    assert {str(state) for state in FINAL} == {
        "failed",
        "rejected",
        "undelivered",
        "delivered",
        "read",
    }


@pytest.mark.parametrize(
    ("word", "error_code", "state"),
    [
        ("queued", "", State.QUEUED),
        ("sent", "", State.SENT),
        ("rejected", "", State.REJECTED),
        ("rejected", "4", State.REJECTED),
        ("delivered", "", State.DELIVERED),
        ("delivered", "4", State.DELIVERED),
        ("read", "", State.READ),
        ("undelivered", "", State.UNDELIVERED),
        ("undelivered", "1", State.UNDELIVERED),
        ("undelivered", "44", State.UNDELIVERED),
        ("undelivered", "4", State.DEFERRED),
        ("undelivered", "5", State.DEFERRED),
        ("undelivered", "22", State.DEFERRED),
        ("Delivered", "", None),
        ("deferred", "", None),
        ("", "", None),
    ],
)
def test_8x8s_words_for_a_state(word: str, error_code: str, state: State | None) -> None:
    assert state_of_receipt(word, error_code) is state
