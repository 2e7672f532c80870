"""The sums of docs/capacity.md."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import capacity
from bench.capacity import Settings, as_deployed, campaign, in_time, limits
from bench.capacity_page import DOCUMENT, page
from bench.cost import Assumptions, cost_of
from bench.usage import Life, Usage, read_lives

SETTINGS = Settings(
    api_requests_a_route=4000,
    dispatchers=10,
    dispatch_batch=100,
    send_rate=1500,
    tellers=50,
    outcome_batch=5,
)
ASSUMED = Assumptions(
    seconds={"8x8": 0.1, "moengage": 0.1, "dynamodb": 0.01, "sqs": 0.01}, memory_mb=1769
)


def a_step(messages: int = 100, invocations: int = 100, **what: object) -> Usage:
    nothing = Usage(
        messages=messages,
        invocations=invocations,
        calls={},
        waits={},
        table_writes=0,
        index_writes={},
        reads=0,
        items_written=0,
        log_bytes=0,
        log_lines=0,
        sent_bytes=0,
        cpu=0.0,
    )
    return replace(nothing, **what)  # type: ignore[arg-type]


LIFE = Life(
    {
        "send_sms": a_step(
            table_writes=200, index_writes={"open": 100, "recipient": 100}, waits={"8x8": 1}
        ),
        "dispatch_queue": a_step(invocations=1, waits={"8x8": 1}, table_writes=200),
        "receive_callback, sent": a_step(table_writes=100, waits={"dynamodb": 1}),
        "forward_outcome": a_step(
            invocations=20, table_writes=100, index_writes={"open": 100}, waits={"moengage": 5}
        ),
    }
)


def per_second(name: str, settings: Settings = SETTINGS, *, queued: bool = False) -> float:
    (found,) = [
        limit
        for limit in limits(LIFE, settings, ASSUMED, queued=queued)
        if limit.name.startswith(name)
    ]
    return found.per_second


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MoEngage's campaign throttle", 1000),
        ("API Gateway, the account", 10_000 / 3),
        ("API Gateway, this API's route for receipts", 2000),
        # 6 write units of a message, 4,000 a second.
        ("DynamoDB, the table", 4000 / 6),
        ("DynamoDB, index `open` as a whole", 2000),
        ("DynamoDB, index `recipient` as a whole", 4000),
        # In and out again: two units; 16 shards of 1,000.
        ("DynamoDB, the shards of index `open`", 8000),
        # 50 functions tell five outcomes, of a tenth of a second each.
        ("Telling MoEngage", 500),
        ("8x8, single sends", 1800),
        # Sending 0.1 s, dispatching 1.333/100, receiving 0.01, telling 0.5/5.
        ("Lambda", 1000 / (0.1 + 1.334 / 100 + 0.01 + 0.1)),
    ],
)
def test_limits_are_what_they_are_by_hand(name: str, expected: float) -> None:
    assert per_second(name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # The pace of 20 functions: 100 x 20 / 1,500 s for a batch.
        (SETTINGS, 10 * 100 / 1.334),
        # Without one it is 8x8's answer.
        (replace(SETTINGS, send_rate=0), 10 * 100 / 0.1),
    ],
)
def test_the_send_queue_is_paced_or_works(settings: Settings, expected: float) -> None:
    assert per_second("The send queue", settings, queued=True) == pytest.approx(expected)


def test_numbers_of_many_people_share_no_shard() -> None:
    names = [limit.name for limit in limits(LIFE, SETTINGS, ASSUMED, queued=False)]

    assert "DynamoDB, the shards of index `recipient`" not in names


def test_single_sends_do_not_limit_batches() -> None:
    names = {queued: limits(LIFE, SETTINGS, ASSUMED, queued=queued) for queued in (False, True)}

    assert "8x8, single sends" in [limit.name for limit in names[False]]
    assert "8x8, single sends" not in [limit.name for limit in names[True]]


def test_the_lowest_limit_comes_first_and_holds_the_campaign_up() -> None:
    found = [limit.per_second for limit in limits(LIFE, SETTINGS, ASSUMED, queued=False)]
    one = campaign(1_000_000, LIFE, SETTINGS, ASSUMED, queued=False)

    assert found == sorted(found)
    assert one.reporting.name == "Telling MoEngage"
    assert one.sending.name == "DynamoDB, the table"
    assert one.seconds_to_report == pytest.approx(1_000_000 / 500)
    assert one.seconds_to_send == pytest.approx(1_000_000 / (4000 / 6))


@given(messages=st.integers(1, 10**9), times=st.integers(2, 100))
def test_costs_and_times_grow_with_the_campaign(messages: int, times: int) -> None:
    small, large = (
        campaign(count, LIFE, SETTINGS, ASSUMED, queued=True)
        for count in (messages, messages * times)
    )

    assert large.dollars == pytest.approx(small.dollars * times)
    assert large.seconds_to_send == pytest.approx(small.seconds_to_send * times)
    assert small.dollars == pytest.approx(sum(cost_of(LIFE, ASSUMED).values()) * messages / 1e6)


@given(
    name=st.sampled_from(
        ["moengage_rate", "table_writes", "lambda_concurrency", "api_requests", "tellers"]
    ),
    times=st.integers(2, 10),
    queued=st.booleans(),
)
def test_raising_a_limit_never_slows_anything_down(name: str, times: int, queued: bool) -> None:
    higher = replace(SETTINGS, **{name: getattr(SETTINGS, name) * times})

    before, after = (
        campaign(1000, LIFE, settings, ASSUMED, queued=queued) for settings in (SETTINGS, higher)
    )

    assert after.seconds_to_report <= before.seconds_to_report


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45, "45 seconds"), (150, "2.5 minutes"), (7200, "2.0 hours"), (259_200, "3.0 days")],
)
def test_durations_are_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert in_time(seconds) == words


def test_the_template_is_read() -> None:
    deployed = as_deployed()

    assert deployed.tellers > 0
    assert deployed.dispatch_batch == 100
    assert capacity.raised().table_writes > deployed.table_writes


def test_the_page_is_what_the_sums_say() -> None:
    command = "PYTHONPATH=.:layers .venv/dev/bin/python -m bench.capacity_page --write"

    assert DOCUMENT.read_text("utf-8") == page(), f"run `{command}`"


def test_what_was_counted_is_a_whole_life() -> None:
    lives = read_lives()

    for mode in ("direct", "queued"):
        steps = {"send_sms", "receive_callback, sent", "receive_callback, delivered"}
        assert steps | {"forward_outcome"} <= lives[mode].steps.keys()
    assert "dispatch_queue" in lives["queued"].steps
