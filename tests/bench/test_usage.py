"""How calls are told apart that wait for each other."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.standins.wire import Exchange
from bench.usage import chain, services


def an_exchange(began: float, ended: float, name: str = "dynamodb UpdateItem") -> Exchange:
    return Exchange(name, began, ended, 100, 100)


@pytest.mark.parametrize(
    ("spans", "length"),
    [
        ([], 0),
        ([(0, 1), (1, 2), (2, 3)], 3),
        ([(0, 1), (0.1, 1.1)], 1),
        ([(0, 1), (0.1, 1.1), (1.2, 2.2), (2.3, 3.3)], 3),
        ([(0, 10), (1, 2), (3, 4)], 2),
    ],
)
def test_calls_made_at_once_are_one_round_trip(
    spans: list[tuple[float, float]], length: int
) -> None:
    assert len(chain(an_exchange(*span) for span in spans)) == length


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_no_longer_chain_is_possible_and_order_does_not_matter(spans, random) -> None:  # type: ignore[no-untyped-def]
    exchanges = [an_exchange(began, began + lasts) for began, lasts in spans]
    found = chain(exchanges)
    random.shuffle(exchanges)

    assert len(chain(exchanges)) == len(found) == longest(exchanges)
    assert all(one.ended <= other.began for one, other in pairwise(found))


def longest(exchanges: list[Exchange]) -> int:
    """The slow way: every one could be the first."""
    return max(
        (
            1 + longest([other for other in exchanges if other.began >= one.ended])
            for one in exchanges
        ),
        default=0,
    )


def test_services_are_counted_by_their_first_word() -> None:
    exchanges = [
        an_exchange(0, 1),
        an_exchange(1, 2, "dynamodb GetItem"),
        an_exchange(2, 3, "8x8 m"),
    ]

    assert services(exchanges) == {"dynamodb": 2, "8x8": 1}
