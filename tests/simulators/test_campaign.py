"""What the campaign says of its results, without a stack."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from local.campaign import CASES, Course, Result
from local.report import outcomes, verdict

RESULT = Result(case=CASES[0], message_id="m-1", course=CASES[0].expected, receipts=())


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"answers": ("200", "503 unavailable")}, "answers ('200', '503 unavailable') instead of"),
        ({"sms": 2}, "sms 2 instead of 1"),
        ({"as_written": False}, "as_written False instead of True"),
    ],
)
def test_each_difference_is_named(change: dict[str, object], difference: str) -> None:
    assert RESULT.as_expected
    result = replace(RESULT, course=replace(Course(), **change))  # type: ignore[arg-type]

    assert not result.as_expected
    [found] = result.differences
    assert found.startswith(difference)


def test_no_two_messages_have_one_number_and_none_shows() -> None:
    # The SMS at 8x8 are counted by it.
    numbers = [case.destination.removeprefix("+") for case in CASES]

    assert len(set(numbers)) == len(numbers)
    assert not any(case.destination in repr(case) for case in CASES)


def test_receipts_out_of_order_are_shown_as_receipts_and_not_as_states() -> None:
    shuffled = replace(RESULT, receipts=("sent", "delivered", "queued"))

    out = StringIO()
    Console(file=out, width=80).print(outcomes([shuffled]), soft_wrap=True)
    _, line, note = out.getvalue().splitlines()

    assert line.endswith("delivered")
    assert note.strip() == "receipts as they came: sent, delivered, queued"


def test_the_verdict_says_what_is_wrong() -> None:
    worse = replace(RESULT, course=replace(RESULT.course, reports=2, belief="failed"))

    assert "All 2 messages" in verdict([RESULT, RESULT])
    assert "1 of 2 messages" in verdict([worse, RESULT])
    assert "reports 2 instead of 1" in verdict([worse, RESULT])
    assert "belief 'failed' instead of 'delivered'" in verdict([worse, RESULT])
