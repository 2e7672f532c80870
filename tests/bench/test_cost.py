"""The cost model, against sums done by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import prices
from bench.cost import LOOK_UPS, Assumptions, billed_seconds, cost_of, cost_of_keeping
from bench.usage import Life, Usage

SEND = Usage(
    messages=20,
    invocations=20,
    calls={"dynamodb UpdateItem": 40, "8x8 message": 20},
    waits={"dynamodb": 2, "8x8": 1},
    table_writes=40,
    index_writes={"open": 20, "recipient": 20, "campaign": 20},
    reads=20,
    items_written=40,
    log_bytes=20_000,
    log_lines=20,
    sent_bytes=10_000,
    cpu=0.001,
)
TELL = replace(
    SEND,
    invocations=4,
    calls={"dynamodb UpdateItem": 20, "moengage report": 20},
    waits={"dynamodb": 10, "moengage": 5},
)


def test_a_million_messages_cost_what_the_list_says() -> None:
    costs = cost_of(Life({"send_sms": SEND}), Assumptions())

    assert costs["API Gateway: requests"] == pytest.approx(1.00)
    assert costs["Lambda: requests"] == pytest.approx(0.20)
    assert costs["DynamoDB: writes"] == pytest.approx(2 * 0.625)
    assert costs["DynamoDB: index of open messages"] == pytest.approx(0.625)
    assert costs[LOOK_UPS] == pytest.approx(2 * 0.625)
    assert costs["DynamoDB: reads"] == pytest.approx(0.125)
    assert costs["X-Ray"] == pytest.approx(0.05 * 5)
    # 150 ms for 8x8, 10 for DynamoDB, and 1 ms of CPU at 512/1769 of a processor.
    assert costs["Lambda: duration"] == pytest.approx(1e6 * 0.164 * 0.5 * 0.0000133334)


def test_records_of_a_queue_are_received_and_deleted_by_tens() -> None:
    costs = cost_of(Life({"forward_outcome": TELL}), Assumptions())

    # Five records an invocation: one request to receive them, one to delete them.
    assert costs["SQS: receiving and deleting"] == pytest.approx(2 * 0.40 / 5)
    assert "API Gateway: requests" not in costs


@pytest.mark.parametrize(("batch", "requests"), [(1, 2), (10, 2), (11, 4), (100, 20)])
def test_larger_batches_take_more_requests(batch: int, requests: int) -> None:
    usage = replace(TELL, messages=batch, invocations=1)

    costs = cost_of(Life({"dispatch_queue": usage}), Assumptions())

    expected = requests * 1e6 / batch * prices.SQS_REQUEST
    assert costs["SQS: receiving and deleting"] == pytest.approx(expected)


def test_waiting_is_billed_and_computing_takes_longer_with_little_memory() -> None:
    assumed = Assumptions(memory_mb=1769)

    assert billed_seconds(SEND, assumed) == pytest.approx(0.161)
    assert billed_seconds(SEND, replace(assumed, memory_mb=128)) == pytest.approx(0.174)
    assert billed_seconds(SEND, replace(assumed, memory_mb=10_240)) == pytest.approx(0.161)


def test_a_paced_function_is_billed_for_its_pace() -> None:
    assumed = Assumptions(send_rate=1000, dispatchers=20)
    batch = replace(SEND, messages=100, invocations=1)

    assert billed_seconds(batch, assumed, paced=True) == pytest.approx(100 * 20 / 1000)
    assert billed_seconds(batch, replace(assumed, send_rate=0), paced=True) < 0.2


def test_keeping_is_paid_by_the_month() -> None:
    life = Life({}, stored_bytes=1024**3 / 1e6)

    assert cost_of_keeping(life, Assumptions(days_kept=90)) == pytest.approx(3 * (0.25 + 0.20))


@given(times=st.integers(2, 50))
def test_how_many_messages_were_looked_at_does_not_matter(times: int) -> None:
    more = replace(
        SEND,
        **{
            name: getattr(SEND, name) * times
            for name in (
                *("messages", "invocations", "table_writes", "reads"),
                *("items_written", "log_bytes", "log_lines", "sent_bytes"),
            )
        },
        calls={name: count * times for name, count in SEND.calls.items()},
        index_writes={name: units * times for name, units in SEND.index_writes.items()},
    )

    few, many = (cost_of(Life({"send_sms": usage}), Assumptions()) for usage in (SEND, more))

    # But for whole execution environments, which read the secret.
    assert many == pytest.approx(few, rel=0.01)


def test_lambdas_own_lines_are_paid_for_where_they_are_written() -> None:
    life = Life({"send_sms": SEND})

    without = cost_of(life, Assumptions(platform_lines=False, traced=0.0))["CloudWatch Logs"]
    written = cost_of(life, Assumptions(traced=0.0))["CloudWatch Logs"]
    traced = cost_of(life, Assumptions(traced=1.0))["CloudWatch Logs"]

    # A thousand bytes of its own in one line, and 26 that CloudWatch adds to each.
    assert without == pytest.approx(1e6 * 1026 / 1024**3 * prices.LOGS_GB)
    # Three lines of some 260 bytes; X-Ray's part of the last one has some 95.
    assert (written - without) / prices.LOGS_GB * 1024**3 / 1e6 == pytest.approx(340, abs=20)
    assert (traced - written) / prices.LOGS_GB * 1024**3 / 1e6 == pytest.approx(95, abs=10)
