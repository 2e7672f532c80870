"""The suite finds what is wrong: each defect here, planted, shows in the books."""

from collections.abc import Callable
from typing import Any

import pytest

from sms_bridge.domain import duplicates
from sms_bridge.domain.attempt import AmbiguousSendPolicy, Effect, Recorded, SendResult
from sms_bridge.domain.duplicates import Claim
from sms_bridge.domain.message import Outcome, OutcomeStatus, Receipt, State, new_id
from sms_bridge.providers import eightx8
from sms_bridge.providers.http import Payload
from sms_bridge.services import deadline as answer_time
from sms_bridge.services import receive, send, steps
from sms_bridge.services.reconcile import Reconcile
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsOutcomeQueue, SqsSendQueue
from tests.chaos.books import Wrong
from tests.chaos.campaign import Setting, run
from tests.chaos.shrink import shrink

Plant = Callable[[pytest.MonkeyPatch], None]


def resend_after_a_timeout(patch: pytest.MonkeyPatch) -> None:
    """What most gateways do."""
    judge = AmbiguousSendPolicy.state_after

    def state_after(self: AmbiguousSendPolicy, result: SendResult, **_: bool) -> State:
        return State.WAITING if result.reason == "eightx8_timeout" else judge(self, result)

    patch.setattr(AmbiguousSendPolicy, "state_after", state_after)


def take_a_502_for_unsent(patch: pytest.MonkeyPatch) -> None:
    """As if every 5xx were a 503."""
    patch.setattr(eightx8, "OTHER_STATUS", eightx8.RESULTS_BY_STATUS[503])


def win_every_claim(patch: pytest.MonkeyPatch) -> None:
    """A repeat is sent as well."""

    def claim(message: Any, key: Any, now: float, create: Any) -> Claim:
        claimed = duplicates.claim(message, key, now, create)
        return Claim(won=True, message=claimed.message)

    patch.setattr(send, "claim", claim)


def begin_every_attempt(patch: pytest.MonkeyPatch) -> None:
    """A record that SQS delivers twice is sent twice."""

    def begin_attempt(self: DynamoDBMessages, message_id: str, _: object) -> Recorded:
        message = self.get(message_id)
        assert message
        return Recorded(message, Effect.MOVED, outcome_is_new=False)

    def begin_first_attempts(
        self: DynamoDBMessages, message_ids: list[str], _: object
    ) -> dict[str, Recorded]:
        return {one: begin_attempt(self, one, _) for one in message_ids}

    patch.setattr(DynamoDBMessages, "begin_attempt", begin_attempt)
    patch.setattr(DynamoDBMessages, "begin_first_attempts", begin_first_attempts)


def write_after_the_time_is_over(patch: pytest.MonkeyPatch) -> None:
    """A function that was frozen while it connected writes when it is thawed."""

    def content(payload: Payload) -> Any:
        payload.left = True
        yield payload.content

    patch.setattr(Payload, "__iter__", content)


def forget_outcomes(patch: pytest.MonkeyPatch) -> None:
    """They are queued by nobody."""
    patch.setattr(SqsOutcomeQueue, "add", lambda *_, **__: None)


def forget_receipts(patch: pytest.MonkeyPatch) -> None:
    """Final ones bring no outcome."""
    patch.setattr(Receipt, "outcome", None)
    patch.setattr(Reconcile, "__call__", lambda *_, **__: {})


def forget_what_waits(patch: pytest.MonkeyPatch) -> None:
    """What could not be sent is not queued, and nobody looks after it."""
    patch.setattr(SqsSendQueue, "add", lambda *_, **__: None)
    patch.setattr(SqsSendQueue, "add_all", lambda *_: set())
    patch.setattr(Reconcile, "__call__", lambda *_, **__: {})


def call_every_receipt_a_failure(patch: pytest.MonkeyPatch) -> None:
    """As MoEngage itself does with 8x8's ``sent``."""
    failure = Outcome(OutcomeStatus.FAILED, "eightx8_sent")
    patch.setattr(Receipt, "outcome", property(lambda one: failure if one.state else None))


def report_for_every_record(patch: pytest.MonkeyPatch) -> None:
    """Two records of an outcome are both reported."""
    patch.setattr(DynamoDBMessages, "lease_outcome", lambda *_: True)


def ignore_opt_outs(patch: pytest.MonkeyPatch) -> None:
    """Everybody is texted."""
    patch.setattr(DynamoDBOptOuts, "is_opted_out", lambda *_, **__: False)


def answer_every_callback(patch: pytest.MonkeyPatch) -> None:
    """One that 8x8 repeats is answered again."""
    patch.setattr(receive, "id_of", lambda _: new_id())


def wait_for_8x8(patch: pytest.MonkeyPatch) -> None:
    """However long it takes."""
    patch.setattr(answer_time, "ANSWER_SECONDS", 9.0)


def report_before_moengage_knows(patch: pytest.MonkeyPatch) -> None:
    """MoEngage looks for the id of a report among those that it has read in answers."""
    patch.setattr(steps, "_SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID", 0)


SHOW_AMONG_MANY = (begin_every_attempt, forget_what_waits, ignore_opt_outs, report_for_every_record)


@pytest.mark.parametrize(
    ("plant", "faults", "is_queued", "expected"),
    [
        (resend_after_a_timeout, ("slow_answer",), False, Wrong.DOUBLED),
        (resend_after_a_timeout, ("brownouts",), True, Wrong.DOUBLED),
        (take_a_502_for_unsent, ("errors_after",), False, Wrong.DOUBLED),
        (win_every_claim, ("simultaneous_repeats",), False, Wrong.DOUBLED),
        (begin_every_attempt, ("sqs_duplicates",), True, Wrong.DOUBLED),
        (forget_outcomes, (), False, Wrong.LOST),
        (forget_receipts, (), True, Wrong.LOST),
        (forget_what_waits, ("refused", "throttled_with_time"), False, Wrong.STUCK),
        (call_every_receipt_a_failure, (), False, Wrong.UNTRUE),
        (report_for_every_record, ("sqs_duplicates",), False, Wrong.REPORTED_TWICE),
        (ignore_opt_outs, ("opt_outs", "late_repeats"), False, Wrong.TEXTED),
        (answer_every_callback, ("opt_outs", "callbacks_broken"), False, Wrong.DOUBLED),
        (wait_for_8x8, ("slow_answer",), False, Wrong.LATE),
        (report_before_moengage_knows, ("receipts_early",), False, Wrong.LOST),
    ],
)
def test_a_planted_defect_shows(
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    faults: tuple[str, ...],
    is_queued: bool,
    expected: Wrong,
) -> None:
    messages = 30 if plant in SHOW_AMONG_MANY else 15
    setting = Setting(seed=1, messages=messages, spacing=20.0, faults=faults, is_queued=is_queued)
    assert not run(setting).failures
    plant(monkeypatch)

    assert expected in run(setting).failures


def test_a_late_write_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes many messages: it has to be frozen until `reconcile` has judged."""
    setting = Setting(seed=6, messages=150, spacing=20.0, faults=("frozen",))
    assert not run(setting).failures
    write_after_the_time_is_over(monkeypatch)

    assert Wrong.UNTRUE in run(setting).failures


def test_a_forgotten_doubt_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `resend` an attempt may fail for good after an earlier one got through unheard."""
    faults = ("brownouts", "opt_outs")
    setting = Setting(
        seed=1, messages=150, faults=faults, policy=AmbiguousSendPolicy.RESEND, is_queued=True
    )
    assert not run(setting).failures
    judge = AmbiguousSendPolicy.state_after
    monkeypatch.setattr(
        AmbiguousSendPolicy, "state_after", lambda self, result, **_: judge(self, result)
    )

    assert Wrong.UNTRUE in run(setting).failures


def test_a_failing_run_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    win_every_claim(monkeypatch)
    faults = ("refused", "receipts_doubled", "simultaneous_repeats", "clocks", "killed")
    setting = Setting(seed=1, messages=40, faults=faults)

    small, result = shrink(setting, seconds=600)

    assert small.faults == ("simultaneous_repeats",)
    assert small.messages < 10
    assert result.setting == small
    assert Wrong.DOUBLED in result.failures
