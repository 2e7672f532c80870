"""Who gets to send a message that is asked for several times."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.duplicates import (
    CLOCK_SKEW,
    Claim,
    ClaimKey,
    claim,
    claim_all,
    claiming,
    seconds_a_window,
)
from sms_bridge.domain.message import Message, is_message_id
from tests.builders import EVER, a_message, plain
from tests.fakes.messages import InMemoryMessages

WINDOW = 120
KEY = ClaimKey("same message", WINDOW)
# The length of the windows into which such claims are put.
LENGTH = seconds_a_window(WINDOW)
BOUNDARY = float(LENGTH * 467_000)


class Claimants:
    """Requests for the same message, one after the other."""

    def __init__(self, key: ClaimKey = KEY) -> None:
        self.key = key
        self.store = InMemoryMessages()
        self.calls = 0

    def create(self, message: Message) -> Message | None:
        self.calls += 1
        return self.store.create(message)

    def claim(self, now: float, by: str | None = None) -> Claim:
        return claim(asked_for(now, by or f"request at {now}"), self.key, now, self.create)


def asked_for(now: float, by: str) -> Message:
    return a_message(id="", claimed_by=by, accepted_at=now)


class TestTheWindow:
    @pytest.mark.parametrize("start", [BOUNDARY, BOUNDARY + 1000, BOUNDARY - 0.001, BOUNDARY - 60])
    def test_it_is_exact_to_the_millisecond(self, start: float) -> None:
        claimants = Claimants()
        first = claimants.claim(start)

        repeat = claimants.claim(start + WINDOW - 0.001)
        anew = claimants.claim(start + WINDOW)

        assert (first.won, repeat.won, anew.won) == (True, False, True)
        assert plain(repeat.message) == plain(first.message) != plain(anew.message)

    @pytest.mark.parametrize("seconds", [1, 5, 120, 600, 3600, 86_400])
    @given(
        start=st.integers(0, 10_000_000_000),
        pauses=st.lists(st.integers(0, 200), max_size=12),
    )
    def test_a_claim_wins_exactly_where_the_last_winners_window_is_over(
        self, seconds: int, start: int, pauses: list[int]
    ) -> None:
        """A plain model beside it: one list of winners, in thousandths of a second."""
        claimants = Claimants(ClaimKey("same message", seconds))
        last_win, now = -10.0 * seconds * 1000, BOUNDARY * 1000 + start
        ids: dict[float, str] = {}
        for pause in pauses:
            now += round(pause * seconds * 1000 / 100)
            claimed = claimants.claim(now / 1000, f"request {now} {len(ids)} {pause}")

            expected = now - last_win >= seconds * 1000
            assert claimed.won is expected
            last_win = now if expected else last_win
            assert claimed.message.id == ids.setdefault(last_win, claimed.message.id)
        assert len(set(ids.values())) == len(ids)


def test_every_id_has_the_form_of_the_bridges_and_stands_for_one_slot() -> None:
    ids = {KEY.message_id(window, slot) for window in range(20) for slot in range(20)}
    ids |= {ClaimKey("another", 120).message_id(0, slot) for slot in range(20)}

    assert len(ids) == 420
    assert all(is_message_id(one) for one in ids)


class TestLostAnswers:
    def test_a_claim_of_which_only_the_answer_was_lost_is_still_won(self) -> None:
        claimants = Claimants()
        first = claimants.claim(BOUNDARY, by="me")

        again = claimants.claim(BOUNDARY + 1, by="me")

        assert again.won
        assert again.message.id == first.message.id

    def test_in_every_slot_of_a_window(self) -> None:
        """Each call of `create` gets through, its answer is lost, and boto3 calls it again."""
        claimants = Claimants()
        for number in range(5):
            claimants.claim(BOUNDARY + number * WINDOW)

        def twice(message: Message) -> Message | None:
            claimants.create(message)
            return claimants.create(message)

        now = BOUNDARY + LENGTH
        claimed = claim(asked_for(now, "me"), KEY, now, twice)

        assert claimed.won
        assert not claimed.message.closes_window


class TestWindows:
    @pytest.mark.parametrize("seconds", [20, 120, 86_400])
    def test_no_claim_looks_through_more_slots_than_two_windows_hold(self, seconds: int) -> None:
        claimants = Claimants(ClaimKey("same message", seconds))
        most = 0
        for number in range(250):
            claimants.calls = 0
            assert claimants.claim(BOUNDARY + number * seconds).won
            most = max(most, claimants.calls)

        slots = seconds_a_window(seconds) // seconds
        # The last window's with the record that closes it, this one's, and the slot that is taken.
        assert most <= 2 * slots + 3

    def test_what_closes_a_window_is_no_message(self) -> None:
        claimants = Claimants()
        claimed = [claimants.claim(BOUNDARY + LENGTH * number).message for number in range(3)]

        assert not any(message.closes_window for message in claimed)
        assert {one.id for one in claimants.store.open_messages(until=EVER)} == {
            message.id for message in claimed
        }


# ------------------------------------------------------------------------- a small model checker
def run(times: Sequence[float], order: Sequence[int]) -> tuple[list[Claim], list[int]]:
    """Let claimants go on in an order.

    Returns the answer to each, and how many were still running at each step.
    """
    store = InMemoryMessages()
    claims: dict[int, Claim] = {}
    running = [
        claiming(asked_for(now, f"request {number}"), KEY, now) for number, now in enumerate(times)
    ]
    waiting = {number: next(steps) for number, steps in enumerate(running)}
    choices = []
    for number in order:
        if not waiting:
            break
        choices.append(len(waiting))
        chosen = sorted(waiting)[number % len(waiting)]
        step = waiting.pop(chosen)
        assert isinstance(step, Message)
        step = running[chosen].send(store.create(step))
        if isinstance(step, Claim):
            claims[chosen] = step
        else:
            waiting[chosen] = step
    return [claims[number] for number in range(len(times))], choices


def every_run(times: Sequence[float]) -> Iterator[list[Claim]]:
    """Return what comes of every order in which the claimants' calls may meet."""
    order: list[int] = []
    while True:
        order += [0] * 64
        claims, choices = run(times, order)
        yield claims
        del order[len(choices) :]
        while order and order[-1] + 1 >= choices[len(order) - 1]:
            order.pop()
        if not order:
            return
        order[-1] += 1


AROUND = [-WINDOW - 1, -CLOCK_SKEW, -1, -0.001, 0, 0.001, 1, CLOCK_SKEW]


@pytest.mark.parametrize(
    "times",
    [
        *((one, other) for one in AROUND for other in AROUND if abs(one - other) <= CLOCK_SKEW),
        (-1, -0.001, 1),
        (-0.001, 0, 0.001),
        (-CLOCK_SKEW, -1, 0),
        (0, 0, 0),
    ],
    ids=str,
)
def test_of_simultaneous_claims_one_wins_however_their_calls_meet(
    times: tuple[float, ...],
) -> None:
    """Simultaneous: their clocks differ, and a new window begins between them."""
    runs = 0
    for claims in every_run([BOUNDARY + 10 * LENGTH + time for time in times]):
        runs += 1
        assert [claimed.won for claimed in claims].count(True) == 1
        assert len({claimed.message.id for claimed in claims}) == 1
        assert not any(claimed.message.closes_window for claimed in claims)

    assert runs > 1


@pytest.mark.parametrize(
    ("first", "later"),
    [(-60.0, (58.0, 59.9)), (-119.9, (-0.001, 0.001)), (-3.0, (0.0, 116.0)), (-1.0, (100.0, 1.0))],
)
def test_late_repeats_on_both_sides_of_a_boundary_find_the_first_however_they_meet(
    first: float, later: tuple[float, float]
) -> None:
    start = BOUNDARY + 10 * LENGTH
    for claims in every_run([start + first, *(start + time for time in later)]):
        won = [claimed.message for claimed in claims if claimed.won]
        accepted = sorted(message.accepted_at for message in won)
        assert all(later - earlier >= WINDOW for earlier, later in pairwise(accepted)) or (
            # Not in the order of their times: the first to come has the claim.
            len(won) == 1
        )
        assert len({claimed.message.id for claimed in claims}) == len(won)


@given(
    st.lists(st.integers(0, 400), min_size=2, max_size=10).map(sorted),
    st.lists(st.floats(-CLOCK_SKEW / 2, CLOCK_SKEW / 2), min_size=10, max_size=10),
    st.sampled_from([0.0, -50.0, -119.0, -250.0, 500.0]),
)
def test_clocks_that_differ_let_no_message_out_twice_in_a_window(
    moments: list[int], skews: list[float], start: float
) -> None:
    """Up to the skew, which nobody can know better."""
    claimants = Claimants()
    wins: list[float] = []
    for number, (moment, skew) in enumerate(zip(moments, skews, strict=False)):
        true_time = BOUNDARY + start + moment
        if claimants.claim(true_time + skew, f"request {number}").won:
            wins.append(true_time)

    assert all(later - earlier >= WINDOW - CLOCK_SKEW for earlier, later in pairwise(wins))
    covered = [moments[0] + BOUNDARY + start, *wins]
    for moment in moments:
        true_time = BOUNDARY + start + moment
        index = bisect_right(covered, true_time)
        assert true_time - covered[index - 1] <= WINDOW + CLOCK_SKEW


def test_a_message_keeps_what_its_request_asked_for() -> None:
    store = InMemoryMessages()
    message = replace(asked_for(BOUNDARY, "me"), source="Acme", campaign_id="c-1")

    claimed = claim(message, KEY, BOUNDARY, store.create)

    assert plain(store.get(claimed.message.id)) == plain(claimed.message)
    assert plain(claimed.message) == plain(replace(message, id=claimed.message.id))


class TestManyAtOnce:
    @given(
        asked=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), min_size=1, max_size=12),
    )
    def test_they_come_out_as_one_by_one(self, asked: list[tuple[int, int]]) -> None:
        """Rounds of different messages, each round at once in one bridge and in turn in another."""
        together, in_turn = InMemoryMessages(), InMemoryMessages()
        now = BOUNDARY - 300
        for size, pause in asked:
            now += pause
            keys = [ClaimKey(f"message {number}", WINDOW) for number in range(size)]
            new = [asked_for(now, f"request at {now} for {key.value}") for key in keys]
            steps = [claiming(one, key, now) for one, key in zip(new, keys, strict=True)]

            claimed = claim_all(steps, together.create_all)

            alone = [claim(*one, now, in_turn.create) for one in zip(new, keys, strict=True)]
            assert [(one.won, one.message.id) for one in claimed if isinstance(one, Claim)] == [
                (one.won, one.message.id) for one in alone
            ]
        assert {one: plain(message) for one, message in together.messages.items()} == {
            one: plain(message) for one, message in in_turn.messages.items()
        }

    def test_one_that_fails_fails_alone(self) -> None:
        store = InMemoryMessages()
        keys = [ClaimKey("one", WINDOW), ClaimKey("another", WINDOW), None]
        ids = iter(("", "", "own"))

        def create_all(messages: Sequence[Message]) -> list[Message | Exception | None]:
            return [TimeoutError(), *store.create_all(messages[1:])]

        steps = [
            claiming(a_message(id=next(ids), accepted_at=BOUNDARY + 1000), key, BOUNDARY + 1000)
            for key in keys
        ]
        failed, *others = claim_all(steps, create_all)

        assert isinstance(failed, TimeoutError)
        assert [isinstance(one, Claim) and one.won for one in others] == [True, True]
        assert claim_all([], create_all) == []
