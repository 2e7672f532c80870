"""Who waits behind a large campaign: the simulation of the send queues."""

import pytest

from bench.artifact import PROJECT
from bench.fairness import HEAD, Campaign, Dispatchers, rows, waits
from bench.page import table
from bench.template import Stack

DISPATCHERS = Dispatchers(at_once=5, batch=100, rate=1500)
LARGE = Campaign(name="large", messages=20_000, per_second=3000)
SMALL = Campaign(name="small", messages=200, per_second=100, starts_at=5)


def end_of(campaign: Campaign, found: dict[str, list[float]]) -> float:
    return max(wait + campaign.came_at(n) for n, wait in enumerate(found[campaign.name]))


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(has_groups: bool) -> None:
    found = waits([LARGE, SMALL], DISPATCHERS, has_groups=has_groups)

    assert {name: len(each) for name, each in found.items()} == {"large": 20_000, "small": 200}
    assert all(wait >= 0 for each in found.values() for wait in each)
    # One of two queues has half of the rate.
    assert end_of(LARGE, found) == pytest.approx(20_200 / 750, abs=1.5)


def test_without_groups_a_small_campaign_waits_for_all_that_came_before_it() -> None:
    found = waits([LARGE, SMALL], DISPATCHERS, has_groups=False)

    waits_for = LARGE.came_by(SMALL.starts_at) / 750 - SMALL.starts_at
    assert found["small"][0] == pytest.approx(waits_for, abs=1.5)


def test_with_groups_it_waits_for_batches_that_are_under_way_and_the_large_one_ends_no_later() -> (
    None
):
    alone = waits([SMALL], DISPATCHERS, has_groups=True)
    found = waits([LARGE, SMALL], DISPATCHERS, has_groups=True)
    without = waits([LARGE, SMALL], DISPATCHERS, has_groups=False)

    assert max(found["small"]) < max(alone["small"]) + 2 * 100 * 10 / 1500
    assert end_of(LARGE, found) <= end_of(LARGE, without) + 1.5


def test_two_large_campaigns_get_the_same_share() -> None:
    other = Campaign(name="other", messages=20_000, per_second=3000, starts_at=5)

    found = waits([LARGE, other], DISPATCHERS, has_groups=True)

    half = [wait + other.came_at(n) for n, wait in enumerate(found["other"])][2000]
    assert half == pytest.approx(other.starts_at + 2000 / (750 / 2), abs=2.0)


def test_the_page_shows_what_the_simulation_gives() -> None:
    page = (PROJECT / "docs/performance.md").read_text("utf-8")

    assert table(HEAD, rows(Stack())) in page
