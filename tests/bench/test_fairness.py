"""Who waits behind a large campaign: the simulation of the send queues."""

import pytest

from bench.artifact import PROJECT
from bench.fairness import HEAD, Campaign, Dispatchers, play, rows
from bench.page import table
from bench.template import Stack

DISPATCHERS = Dispatchers(at_once=5, batch=100, rate=1500)


@pytest.fixture
def large() -> Campaign:
    return Campaign(20_000, per_second=3000)


@pytest.fixture
def small() -> Campaign:
    return Campaign(200, per_second=100, starts_at=5)


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(
    large: Campaign, small: Campaign, has_groups: bool
) -> None:
    play([large, small], DISPATCHERS, has_groups=has_groups)

    assert (len(large.waits), len(small.waits)) == (20_000, 200)
    assert min(large.waits + small.waits) >= 0
    # One of two queues has half of the rate.
    assert large.end == pytest.approx(20_200 / 750, abs=1.5)


def test_without_groups_a_small_campaign_waits_for_all_that_came_before_it(
    large: Campaign, small: Campaign
) -> None:
    play([large, small], DISPATCHERS, has_groups=False)

    came_before_it = large.per_second * small.starts_at
    assert small.waits[0] == pytest.approx(came_before_it / 750 - small.starts_at, abs=1.5)


def test_with_groups_it_waits_for_the_batches_under_way(large: Campaign, small: Campaign) -> None:
    play([large, small], DISPATCHERS, has_groups=True)

    seconds_a_batch = 100 * 10 / 1500
    assert max(small.waits) < 3 * seconds_a_batch


def test_two_large_campaigns_get_the_same_share(large: Campaign) -> None:
    late = Campaign(20_000, per_second=3000, starts_at=5)

    play([large, late], DISPATCHERS, has_groups=True)

    sent_at = late.waits[2000] + late.came_at(2000)
    assert sent_at == pytest.approx(late.starts_at + 2000 / (750 / 2), abs=2.0)


def test_the_page_shows_what_the_simulation_gives() -> None:
    page = (PROJECT / "docs/performance.md").read_text("utf-8")

    assert table(HEAD, rows(Stack())) in page
