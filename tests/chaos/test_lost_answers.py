"""A write whose answer is lost, and that boto3 repeats, strands no message."""

from typing import Any

import pytest

from sms_bridge.storage import messages, table
from sms_bridge.storage.aws import item_of_refusal
from tests.chaos.campaign import Setting, run


def take_its_own_write_for_anothers(patch: pytest.MonkeyPatch) -> None:
    """As if claims and attempts left no mark by which who repeats a call knows its own again."""

    def as_anothers(error: Exception) -> dict[str, Any]:
        item = item_of_refusal(error)
        marks = item.keys() & {"claimed_by", "attempt_nonce"}
        return item | {mark: {"S": "another"} for mark in marks}

    patch.setattr(messages, "item_of_refusal", as_anothers)
    patch.setattr(table, "item_of_refusal", as_anothers)


@pytest.mark.parametrize(
    ("is_queued", "number"), [(False, 100), (True, 30)], ids=["direct", "queued"]
)
def test_every_message_is_sent_and_a_defect_shows(
    monkeypatch: pytest.MonkeyPatch, is_queued: bool, number: int
) -> None:
    """One that is stranded ends as not sent, which is the truth: so what was sent is counted."""
    faults = ("dynamodb_answer_lost",)
    setting = Setting(seed=1, messages=number, spacing=20.0, faults=faults, is_queued=is_queued)
    whole = run(setting)
    assert not whole.failures
    assert (whole.verdict.sent, whole.verdict.concluded) == (number, 0)
    take_its_own_write_for_anothers(monkeypatch)

    assert run(setting).verdict.sent < number
