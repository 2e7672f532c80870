"""Small campaigns under fire. `make chaos` runs large ones."""

from collections import Counter
from dataclasses import replace

import pytest

from sms_bridge.domain.attempt import AmbiguousSendPolicy
from tests.chaos.books import Wrong
from tests.chaos.campaign import Result, Setting, run
from tests.chaos.faults import FAULTS

EVERYTHING = tuple(FAULTS)


def timeline(result: Result) -> str:
    """Return how to see it again, and what happened to the first message that went wrong."""
    lines = [result.setting.command]
    for message_type, numbers in result.failures.items():
        lines += [f"{message_type}: {numbers}", result.timeline.of(result.verdict.ids[numbers[0]])]
    return "\n".join(lines)


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
@pytest.mark.parametrize("policy", AmbiguousSendPolicy)
def test_nothing_is_lost_doubled_or_untrue_when_everything_goes_wrong_at_once(
    policy: AmbiguousSendPolicy, is_queued: bool
) -> None:
    setting = Setting(seed=1, messages=20, faults=EVERYTHING, policy=policy, is_queued=is_queued)

    result = run(setting)

    assert not result.failures, timeline(result)
    assert result.verdict.answered > 10


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
def test_without_a_fault_every_message_is_sent_and_reported_once(is_queued: bool) -> None:
    result = run(Setting(seed=1, messages=40, faults=(), is_queued=is_queued))
    verdict = result.verdict

    told = [line for lines in result.timeline.lines.values() for line in lines]
    answers = Counter(line.split()[-1] for line in told if "asked for:" in line)
    assert answers == {"200": 40}
    assert (verdict.answered, verdict.sent, verdict.reported) == (40, 40, 40)
    assert verdict.given_up == verdict.concluded == 0


def test_the_same_seed_gives_the_same_run() -> None:
    setting = Setting(seed=7, messages=6, faults=EVERYTHING)

    first, second = run(setting), run(setting)

    assert first.timeline == second.timeline
    assert first.struck == second.struck
    assert run(replace(setting, seed=8)).timeline != first.timeline


def test_resending_what_is_ambiguous_may_double_and_says_so() -> None:
    faults = ("reset_after_read",)
    resend = run(Setting(seed=1, messages=40, faults=faults, policy=AmbiguousSendPolicy.RESEND))
    hold = run(Setting(seed=1, messages=40, faults=faults, policy=AmbiguousSendPolicy.HOLD))

    assert resend.verdict.count(Wrong.DOUBLED) > 0
    assert hold.verdict.count(Wrong.DOUBLED) == 0
    assert not resend.failures | hold.failures
