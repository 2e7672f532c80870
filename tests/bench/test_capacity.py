"""Who waits behind a large campaign: the simulation of the send queues."""

import pytest

from bench.capacity import FAIRNESS, Campaign, fairness, play
from bench.page import table
from bench.template import Stack
from tests.template.conftest import PROJECT


def played(has_groups: bool, starts_at: float, small: int = 200) -> tuple[Campaign, Campaign]:
    """Return 20,000 messages, and some that begin to come later, when all are sent."""
    found = Campaign(20_000, 3000), Campaign(small, 3000, starts_at)
    play(found, at_once=5, batch=100, rate=1500, has_groups=has_groups)
    return found


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(has_groups: bool) -> None:
    large, small = played(has_groups, 5)

    assert (len(large.waits), len(small.waits)) == (20_000, 200)
    assert min(large.waits + small.waits) >= 0
    # One of two queues has half of the rate.
    assert large.came(19_999) + large.waits[-1] == pytest.approx(20_200 / 750, abs=1.5)


def test_without_groups_a_small_campaign_waits_for_all_that_came_before_it() -> None:
    _, small = played(False, 5)

    assert small.waits[0] == pytest.approx(3000 * 5 / 750 - 5, abs=1.5)


def test_with_groups_it_waits_for_the_batches_under_way() -> None:
    _, small = played(True, 5)

    seconds_a_batch = 100 * 10 / 1500
    assert max(small.waits) < 3 * seconds_a_batch


def test_two_large_campaigns_get_the_same_share() -> None:
    _, late = played(True, 5, 20_000)

    sent_at = late.came(2000) + late.waits[2000]
    assert sent_at == pytest.approx(5 + 2000 / (750 / 2), abs=2.0)


def test_the_page_shows_what_the_simulation_gives() -> None:
    page = (PROJECT / "docs/performance.md").read_text("utf-8")

    assert table(FAIRNESS, fairness(Stack())) in page
