"""Who waits behind a large campaign: the simulation of the send queues."""

import pytest

from bench.capacity import FAIRNESS, Campaign, fairness, play
from bench.page import table
from bench.template import Stack
from tests.template.conftest import PROJECT


@pytest.mark.parametrize("has_groups", [False, True])
def test_each_message_is_sent_once_and_at_the_send_rate(has_groups: bool) -> None:
    large, small = Campaign(20_000, 3000), Campaign(200, 100, starts_at=5)

    play((large, small), at_once=5, batch=100, rate=1500, has_groups=has_groups)

    assert (len(large.waits), len(small.waits)) == (20_000, 200)
    assert min(large.waits + small.waits) >= 0
    # One of two queues has half of the rate.
    assert large.came(19_999) + large.waits[-1] == pytest.approx(20_200 / 750, abs=1.5)


def test_the_page_shows_what_the_simulation_gives() -> None:
    page = (PROJECT / "docs/performance.md").read_text("utf-8")

    assert table(FAIRNESS, fairness(Stack())) in page
