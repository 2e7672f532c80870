"""A burst through the send queue, in simulated time."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.burst import Burst, in_words, read_arguments, run, table_of

bursts = st.builds(
    Burst,
    messages=st.integers(1, 1500),
    arrival_rate=st.floats(1, 3000),
    send_rate=st.sampled_from([0.0, 50.0, 200.0, 1500.0]),
    dispatchers=st.integers(1, 10),
    batch_size=st.integers(1, 100),
    take_rate=st.floats(100, 5000),
    throttled_from=st.floats(0, 20),
    throttled_for=st.floats(0, 60),
    retry_after=st.floats(0, 10),
    seconds_to_live=st.floats(0.5, 500),
    seed=st.integers(0, 5),
)


@given(bursts)
def test_every_message_is_sent_or_expires(burst: Burst) -> None:
    course = run(burst)

    assert len(course.sent) + course.expired == burst.messages


@given(bursts)
def test_nothing_is_sent_before_it_came_or_after_its_time(burst: Burst) -> None:
    for _, delay in run(burst).sent:
        assert -1e-6 <= delay < burst.seconds_to_live


@given(bursts)
def test_time_goes_forward(burst: Burst) -> None:
    assert all(one[0] <= other[0] for one, other in pairwise(run(burst).sent))


@given(bursts)
def test_nothing_is_sent_while_8x8_throttles_all(burst: Burst) -> None:
    ends = burst.throttled_from + burst.throttled_for

    assert not [at for at, _ in run(burst).sent if burst.throttled_from <= at < ends]


@given(bursts)
def test_8x8_never_takes_more_than_it_says(burst: Burst) -> None:
    by_second = Counter(int(at) for at, _ in run(burst).sent)

    # What it could have taken in the second before may be left over.
    assert max(by_second.values(), default=0) <= 2 * burst.take_rate + burst.batch_size


@given(bursts.filter(lambda burst: burst.send_rate > 0))
def test_the_pace_is_kept(burst: Burst) -> None:
    sent = run(burst).sent
    span = sent[-1][0] - sent[0][0] if sent else 0.0
    at_once = burst.dispatchers * burst.batch_size

    # In any span of time: the rate, and what all functions may hold in their hands.
    assert len(sent) <= burst.send_rate * span + 2 * at_once


@given(bursts)
def test_the_same_seed_is_the_same_course(burst: Burst) -> None:
    assert run(burst) == run(burst)


@given(bursts, st.integers(1, 500))
def test_more_messages_do_not_drain_sooner(burst: Burst, more: int) -> None:
    calm = replace(burst, throttled_for=0.0, take_rate=1e6, seconds_to_live=1e6)

    assert run(calm).ends_at <= run(replace(calm, messages=calm.messages + more)).ends_at


def test_a_queue_that_is_fed_faster_than_it_drains_grows_by_the_difference() -> None:
    burst = Burst(messages=60_000, arrival_rate=1000, send_rate=500, dispatchers=10)

    course = run(burst)

    # Ten of twenty functions have half of the pace.
    drained_a_second = 500 / 2
    assert course.deepest == pytest.approx(60_000 * (1 - drained_a_second / 1000), rel=0.05)
    assert course.ends_at == pytest.approx(60_000 / drained_a_second, rel=0.05)


def test_an_outage_makes_429s_and_nothing_is_lost() -> None:
    burst = Burst(messages=5_000, throttled_from=1, throttled_for=30)

    course = run(burst)

    assert course.refused_batches > 0
    assert (len(course.sent), course.expired) == (5_000, 0)
    assert course.ends_at > 31


def test_what_waits_too_long_expires() -> None:
    course = run(Burst(messages=1_000, throttled_for=100, seconds_to_live=30))

    assert (course.sent, course.expired) == ([], 1_000)


def test_the_table_ends_with_all_messages_sent() -> None:
    burst = Burst(messages=1_000)

    lines = table_of(burst, run(burst)).splitlines()

    assert lines[-3].endswith("| 1,000 | 1,000 | 0 |")
    assert lines[-1] == in_words(burst, run(burst))


def test_the_command_line_changes_what_it_names() -> None:
    burst = read_arguments(["--messages", "500", "--take-rate", "250.5", "--seed", "7"])

    assert burst == Burst(messages=500, take_rate=250.5, seed=7)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--messages", "0"],
        ["--dispatchers", "0"],
        ["--arrival-rate", "0"],
        ["--retry-after", "-1"],
        ["--take-rate", "99"],
        ["--seconds-a-batch", "0", "--seconds-a-message", "0"],
    ],
)
def test_what_would_never_end_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_arguments(arguments)

    assert "error" in capsys.readouterr().err
