"""Which state may follow which."""

import itertools

import pytest

from sms_bridge.rules.life_cycle import FINAL, MAY_REPLACE, State, state_of_receipt

# Rows: where a message stands; columns: what is reported. "x": the message moves.
MOVES = """
             sending unknown failed queued sent deferred rejected undelivered delivered read
sending         .       x      x      x     x      x        x          x          x      x
unknown         .       .      .      x     x      x        x          x          x      x
failed          .       .      .      .     .      .        .          .          x      x
queued          .       .      .      .     x      x        x          x          x      x
sent            .       .      .      .     .      x        x          x          x      x
deferred        .       .      .      .     .      .        x          x          x      x
rejected        .       .      .      .     .      .        .          .          x      x
undelivered     .       .      .      .     .      .        .          .          x      x
delivered       .       .      .      .     .      .        .          .          .      x
read            .       .      .      .     .      .        .          .          .      .
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


def test_what_may_follow_in_two_steps_may_follow_in_one() -> None:
    for first, second, third in itertools.product(State, State, State):
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
