"""Which state may follow which."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import FINAL, MAY_REPLACE, NOT_WITH_8X8, State

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


def table() -> dict[tuple[State, State], bool]:
    header, *rows = (line.split() for line in MOVES.strip().splitlines())
    return {
        (State(before), State(after)): mark == "x"
        for before, *marks in rows
        for after, mark in zip(header, marks, strict=True)
    }


def test_a_state_follows_another_only_where_the_table_says_so() -> None:
    assert table() == {
        (before, after): before in MAY_REPLACE[after] for before, after in product(State, State)
    }


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


def test_the_final_states_are_those_with_an_outcome() -> None:
    assert set().union(*FORWARD[4:]) == FINAL
    assert FORWARD[0] == NOT_WITH_8X8
