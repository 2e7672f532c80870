"""Who waits behind a large campaign: the simulation of the send queues."""

from dataclasses import replace

import pytest

from bench.artifact import PROJECT
from bench.fairness import HEAD, Campaign, Dispatchers, play, rows
from bench.page import table
from bench.template import Stack

DISPATCHERS = Dispatchers(at_once=5, batch=100, rate=1500)
LARGE = Campaign(name="large", messages=20_000, per_second=3000)
SMALL = Campaign(name="small", messages=200, per_second=100, starts_at=5)


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(has_groups: bool) -> None:
    large, small = play([LARGE, SMALL], DISPATCHERS, has_groups=has_groups)

    assert (len(large.waits), len(small.waits)) == (20_000, 200)
    assert min(large.waits + small.waits) >= 0
    # One of two queues has half of the rate.
    assert large.end == pytest.approx(20_200 / 750, abs=1.5)


def test_without_groups_a_small_campaign_waits_for_all_that_came_before_it() -> None:
    _, small = play([LARGE, SMALL], DISPATCHERS, has_groups=False)

    before_it = LARGE.came_by(SMALL.starts_at) / 750 - SMALL.starts_at
    assert small.waits[0] == pytest.approx(before_it, abs=1.5)


def test_with_groups_it_waits_for_the_batches_under_way_and_the_large_one_ends_no_later() -> None:
    [alone] = play([SMALL], DISPATCHERS, has_groups=True)
    large, small = play([LARGE, SMALL], DISPATCHERS, has_groups=True)
    as_before, _ = play([LARGE, SMALL], DISPATCHERS, has_groups=False)

    seconds_a_batch = 100 * 10 / 1500
    assert max(small.waits) < max(alone.waits) + 2 * seconds_a_batch
    assert large.end <= as_before.end + seconds_a_batch


def test_two_large_campaigns_get_the_same_share() -> None:
    late = replace(LARGE, name="late", starts_at=5)

    _, line = play([LARGE, late], DISPATCHERS, has_groups=True)

    some_sent_at = line.waits[2000] + late.came_at(2000)
    assert some_sent_at == pytest.approx(late.starts_at + 2000 / (750 / 2), abs=2.0)


def test_the_page_shows_what_the_simulation_gives() -> None:
    page = (PROJECT / "docs/performance.md").read_text("utf-8")

    assert table(HEAD, rows(Stack())) in page
