"""The promises of the bridge, each tried with one thing that goes wrong.

The chaos suite holds all of them at once, in random lives; these name one each, and miss no moment
at which a function may die. What concerns one room is tested there: duplicate keys in ``domain``,
tokens in ``api``, proof that nothing left in ``providers``, conditional writes in the contract of
the stores.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import pytest

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.attempt import SendResult
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, State
from sms_bridge.domain.reconciliation import Finding, finding_of
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.dispatch import DispatchMessages
from sms_bridge.services.forward import Forward
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.reconcile import Reconcile
from sms_bridge.services.send import SendMessage
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    EVER,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_receipt,
    a_receipt_callback,
    a_request,
    plain,
)
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import Interruption, KilledError, failing, kill
from tests.fakes.log_exports import FakeLog, LogEntry
from tests.fakes.sqs import InMemorySqs
from tests.services import CHOSEN, TIMEOUTS, TO_LIVE, InMemory, a_service
from tests.unit.services.sending import Bridge as Sending

SENDING, REPORT_RESULT, DEAD = "send-queue", "outcome-queue", "dead-letter-queue"
WINDOW = int(CHOSEN["duplicate_window_seconds"])
SECONDS_UNTIL_LOGGED = 900

# What 8x8 makes of a post: its answer, and whether it has the message then.
SCENARIOS: dict[str, tuple[SendResult, bool]] = {
    "taken": (ACCEPTED, True),
    "rejected": (REJECTED, True),
    "refused": (REFUSED, False),
    "throttled": (THROTTLED, False),
    "unreachable": (NOT_SENT, False),
    "answer lost": (AMBIGUOUS, True),
    "request lost": (AMBIGUOUS, False),
}


@dataclass
class EightX8Books:
    """8x8: what it took, and what its log says of that."""

    clock: TurnableClock
    scenarios: Sequence[str] = ("taken",)
    """Of the next messages, in turn."""
    taken: Counter[str] = field(default_factory=Counter)
    """How often it took each id."""
    words: dict[str, tuple[str, float]] = field(default_factory=dict)
    """The last state of each message that it took, and when it took it."""

    def send(self, _: object, message_id: str, **__: object) -> SendResult:
        scenario, *others = self.scenarios
        self.scenarios = (*others, scenario)
        result, is_taken = SCENARIOS[scenario]
        if is_taken:
            self.taken[message_id] += 1
            word = "rejected" if scenario == "rejected" else "queued"
            self.words[message_id] = word, self.clock.now
        return result

    def send_batch(self, _: str, requests: Iterable[str], **__: object) -> dict[str, Any]:
        return {message_id: self.send(None, message_id) for message_id in requests}

    def log(self, _: str) -> list[LogEntry]:
        """Return the log, which is late; somebody sends a message through 8x8 all the time."""
        written_until = self.clock.now - SECONDS_UNTIL_LOGGED
        words = self.words | {"another": ("sent", written_until)}
        return [
            LogEntry(at, a_receipt(word, client_message_id=one, received_at=self.clock.now))
            for one, (word, at) in words.items()
            if at <= written_until
        ]


@dataclass
class MoEngageBooks:
    """MoEngage: what it heard of each id."""

    verdict: ReportVerdict = ReportVerdict.ACKNOWLEDGED
    heard: list[tuple[str, Outcome]] = field(default_factory=list)

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        if self.verdict is ReportVerdict.ACKNOWLEDGED:
            self.heard.append((message.id, outcome))
        status = 404 if self.verdict is ReportVerdict.REFUSED else 503
        return ReportResult(verdict=self.verdict, http_status=status)


class Life(InMemory):
    """All steps over the same table and queues.

    Each way to work takes a moment at which its function is killed, ``None`` for never, and
    returns whether it lived.
    """

    def __init__(self, *, is_queued: bool) -> None:
        super().__init__()
        self.sqs = InMemorySqs(self.clock)
        self.eightx8 = EightX8Books(self.clock)
        self.moengage = MoEngageBooks()
        self.dead_letters = SqsDeadLetterQueue(self.sqs.aws, DEAD)
        self.send_queue = SqsSendQueue(self.sqs.aws, dict.fromkeys(MessageType, SENDING))
        self.outcome_queue = SqsOutcomeQueue(self.sqs.aws, REPORT_RESULT)
        self.is_queued = is_queued
        self._interruption = Interruption(-1, kill)
        self.has_died = False
        outside = {
            "messages": self.messages,
            "send_queue": self.send_queue,
            "outcomes": self.outcome_queue,
            "dead_letters": self.dead_letters,
            "sender": self.eightx8,
            "log": FakeLog(entries=self.eightx8.log),
        }
        own: dict[str, Any] = {
            **{name: self._interruption.watched(fake) for name, fake in outside.items()},
            "report": self._interruption.watched(self.moengage).report,
            "clock": self.clock,
            "sleep": self.clock.sleep,
            "dispatch_mode": "queued" if is_queued else "direct",
            "receipt_timeout_seconds": 7200,
        }
        # A step takes of these what it works with.
        self._send = a_service(SendMessage, **own)
        self._dispatch = a_service(DispatchMessages, **own)
        self._receive = a_service(ReceiveCallback, **own)
        self._forward = a_service(Forward, **own)
        self._reconcile = a_service(Reconcile, **own)

    def _run(self, dies_at: int | None, work: Callable[[], object]) -> bool:
        self._interruption.moment = -1 if dies_at is None else dies_at
        self._interruption.passed = 0
        try:
            work()
        except KilledError:
            self.has_died = True
            return False
        return True

    def ask(self, text: str, scenarios: Sequence[str], dies_at: int | None) -> Message | None:
        """Ask for a message as MoEngage does; returns the answer, ``None`` without one."""
        self.eightx8.scenarios = scenarios
        answers: list[Message] = []
        answer_time = AnswerTime[Message](3.6, self.clock)
        send = partial(self._send, a_request(text=text), hash_key="k", answer_time=answer_time)
        return answers[0] if self._run(dies_at, lambda: answers.append(send())) else None

    def dispatch(self, scenarios: Sequence[str], dies_at: int | None = None) -> bool:
        """Work off what can be seen of the send queue."""
        self.eightx8.scenarios = scenarios
        records = self.sqs.receive(SENDING)

        def work() -> None:
            step = partial(self._dispatch, time_left=lambda: 60.0)
            response = self.send_queue.work_through(records, step, self.dead_letters)
            self.sqs.settle(SENDING, records, response)

        return self._run(dies_at, work)

    def forward(
        self, verdict: ReportVerdict = ReportVerdict.ACKNOWLEDGED, dies_at: int | None = None
    ) -> bool:
        """Work off what can be seen of the outcome queue."""
        self.moengage.verdict = verdict
        records = self.sqs.receive(REPORT_RESULT)

        def work() -> None:
            step: Any = self._forward
            response = self.outcome_queue.work_through(records, step, self.dead_letters)
            self.sqs.settle(REPORT_RESULT, records, response)

        return self._run(dies_at, work)

    def receive(self, message_id: str, word: str, dies_at: int | None = None) -> bool:
        """Take a receipt of 8x8's."""
        _, taken_at = self.eightx8.words[message_id]
        self.eightx8.words[message_id] = (word, taken_at)
        status = {"timestamp": self.clock.now}
        body = a_receipt_callback(word, clientMessageId=message_id, status=status)
        (event,) = read_callback(json.dumps(body), self.clock.now)
        return self._run(dies_at, lambda: self._receive(event, hash_key="k"))

    def reconcile(self, dies_at: int | None = None) -> bool:
        """Look for what got stuck."""
        return self._run(dies_at, lambda: self._reconcile(time_left=lambda: 300.0))

    def open_messages(self) -> list[Message]:
        return list(self.messages.open_messages(until=EVER))


DELIVERED = Outcome(OutcomeStatus.DELIVERED)


def asked(bridge: Life, *scenarios: str) -> Message:
    """Ask for a message; returns the answer."""
    answer = bridge.ask("Your order has shipped", scenarios or ("taken",), None)
    assert answer is not None
    return answer


def go_on(bridge: Life, hours: float = 10) -> None:
    """Let time pass, with everything well."""
    for _ in range(int(hours * 12)):
        bridge.dispatch(["taken"])
        bridge.forward()
        bridge.reconcile()
        bridge.clock.sleep(300)


class TestNothingAcceptedIsLost:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_1_a_message_that_no_queue_takes_ends_in_an_outcome(
        self, *, is_queued: bool
    ) -> None:
        bridge = Life(is_queued=is_queued)
        with failing(bridge.send_queue, "add"):
            message = asked(bridge, "unreachable")

        go_on(bridge)

        assert [(one, outcome.reason) for one, outcome in bridge.moengage.heard] == [
            (message.id, "expired")
        ]

    def test_promise_1_an_outcome_that_could_not_be_queued_is_found(self) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)
        with failing(bridge.outcome_queue, "add"), pytest.raises(ConnectionError):
            bridge.receive(message.id, "delivered")

        go_on(bridge)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])

    def test_promise_1_what_moengage_does_not_accept_lies_in_the_dead_letter_queue(self) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "delivered")
        bridge.clock.sleep(10)

        bridge.forward(ReportVerdict.REFUSED)

        ((letter, reason),) = bridge.sqs.letters("dead-letter-queue")
        assert message.id in letter
        assert reason == "moengage_404"
        assert bridge.kept(message).outcome_given_up == "moengage_404"

    @pytest.mark.parametrize("scenario", ["taken", "answer lost"])
    def test_promise_1_the_log_is_asked_first_however_long_it_could_not_be_read(
        self, scenario: str
    ) -> None:
        """8x8 delivered it; receipts, runs and exports were down together for two days."""
        bridge = Life(is_queued=False)
        message = asked(bridge, scenario)
        word, accepted_at = bridge.eightx8.words[message.id]
        assert word == "queued"
        bridge.eightx8.words[message.id] = ("delivered", accepted_at)
        bridge.clock.sleep(2 * 86_400)

        go_on(bridge, hours=1)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])


class TestNothingIsSentTwice:
    def test_promise_2_under_hold_an_ambiguous_message_waits_for_the_log_and_is_not_sent_again(
        self,
    ) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge, "answer lost")

        go_on(bridge, hours=0.15)
        assert bridge.kept(message).state is State.UNKNOWN
        go_on(bridge, hours=1)

        assert bridge.eightx8.taken == {message.id: 1}
        assert bridge.kept(message).state is State.QUEUED

    def test_promise_2_what_the_log_proves_absent_is_sent_once_more(self) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge, "request lost")
        assert bridge.eightx8.taken == {}

        go_on(bridge, hours=0.9)

        assert bridge.eightx8.taken == {message.id: 1}

    def test_promise_2_after_a_connect_error_it_is_sent_again_and_after_a_timeout_it_is_not(
        self,
    ) -> None:
        bridge = Sending(results=[NOT_SENT, AMBIGUOUS, ACCEPTED])

        bridge.send()

        assert len(bridge.eightx8.sent) == 2


class TestARepeatGetsTheSameAnswer:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_3_a_repeat_within_the_window_has_the_id_of_the_first(
        self, *, is_queued: bool
    ) -> None:
        bridge = Life(is_queued=is_queued)
        first = asked(bridge)
        bridge.clock.sleep(WINDOW - 1)

        assert asked(bridge).id == first.id

    def test_promise_3_a_repeat_while_the_table_hangs_promises_the_answer_of_the_first(
        self,
    ) -> None:
        bridge = Sending()
        bridge.eightx8.meanwhile = lambda _: bridge.clock.sleep(1)
        first = bridge.send()
        bridge.messages.messages[first.id] = first = bridge.kept(first)
        answer_time = PromisedAnswers(bridge.clock)

        bridge.send(answer_time)

        assert [answer.id for answer in answer_time.promised] == [first.id]


class PromisedAnswers(AnswerTime[Message]):
    """Notes what is promised."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(3.6, clock)
        self.promised: list[Message] = []

    def promise(self, answer: Message) -> None:
        super().promise(answer)
        self.promised.append(answer)


class TestStateOnlyMovesForward:
    @pytest.mark.parametrize("late", ["queued", "sent", "rejected", "undelivered"])
    def test_promise_4_a_late_receipt_does_not_undo_a_delivery(self, late: str) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "delivered")
        bridge.clock.sleep(1)

        bridge.receive(message.id, late)

        assert bridge.kept(message).state is State.DELIVERED
        assert len(bridge.kept(message).receipts) == 2


class TestMoEngageHearsOneFinalOutcome:
    def test_promise_5_an_outcome_that_was_not_reported_follows_the_state(self) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "undelivered")
        bridge.clock.sleep(10)
        bridge.forward(ReportVerdict.RETRY)
        bridge.receive(message.id, "delivered")

        go_on(bridge, hours=0.5)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])

    def test_promise_5_an_outcome_that_was_reported_stays(self) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "undelivered")
        bridge.clock.sleep(10)
        bridge.forward()
        bridge.receive(message.id, "delivered")

        go_on(bridge, hours=0.5)

        ((_, outcome),) = bridge.moengage.heard
        assert outcome.status is OutcomeStatus.FAILED
        assert plain(bridge.kept(message).outcome) == plain(outcome)
        assert bridge.kept(message).state is State.DELIVERED

    @pytest.mark.parametrize("word", ["queued", "sent"])
    def test_promise_5_an_intermediate_receipt_is_not_reported(self, word: str) -> None:
        bridge = Life(is_queued=False)
        message = asked(bridge)

        bridge.receive(message.id, word)

        assert bridge.sqs.letters("outcome-queue") == []


class TestTheAnswerComesInTimeAndIsTrue:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_8_once_it_may_be_sent_nothing_that_fails_refuses_it(
        self, *, is_queued: bool
    ) -> None:
        bridge = Life(is_queued=is_queued)

        with (
            failing(bridge.send_queue, "add"),
            failing(bridge.outcome_queue, "add"),
            failing(bridge.messages, "record_result"),
        ):
            assert asked(bridge, "refused").id

    def test_promise_8_a_refused_claim_sends_nothing(self) -> None:
        bridge = Life(is_queued=False)

        with failing(bridge.messages, "create"), pytest.raises(ConnectionError):
            asked(bridge)

        assert bridge.eightx8.taken == {}
        assert bridge.sqs.letters("send-queue") == []


class TestScheduledMessages:
    IN_SIX_DAYS = 6 * 86_400

    def test_promise_1_a_scheduled_message_is_not_given_up_before_8x8_sends_it(self) -> None:
        bridge = Sending()
        at = bridge.clock.now + self.IN_SIX_DAYS

        message = bridge.kept(bridge.send(options={"scheduled": timestamp(at)}))

        assert message.scheduled_at == at
        assert message.send_before == at + TO_LIVE
        assert finding_of(message, at + 172_800, TIMEOUTS) is None
        assert finding_of(message, at + 172_801, TIMEOUTS) is Finding.ASK

    def test_a_schedule_that_has_passed_counts_as_none(self) -> None:
        bridge = Sending()

        message = bridge.send(options={"scheduled": timestamp(bridge.clock.now - 1)})

        assert message.scheduled_at == 0.0
        assert message.send_before == bridge.clock.now + TO_LIVE


# By its queue records alone an outcome is reported well before `reconcile` calls it stuck.
_MINUTES = 10
_HOURS_TO_RECONCILE = 10


def live(step: str, scenario: str, moment: int, *, is_queued: bool) -> Life:
    """Let two messages live, a step die at a moment, and SQS show again what nobody deleted."""
    bridge = Life(is_queued=is_queued)

    def dies_in(one: str) -> int | None:
        return moment if one == step else None

    for text in ("one", "two"):
        if bridge.ask(text, [scenario], dies_in("ask")) is None:
            bridge.clock.sleep(5)
            bridge.ask(text, [scenario], None)
    bridge.dispatch([scenario], dies_in("dispatch"))
    for message_id, (word, _) in list(bridge.eightx8.words.items()):
        if word == "queued" and not bridge.receive(message_id, "delivered", dies_in("receive")):
            bridge.clock.sleep(5)
            bridge.receive(message_id, "delivered")
    bridge.clock.sleep(10)
    bridge.forward(dies_at=dies_in("forward"))
    if step == "reconcile":
        bridge.clock.sleep(3600)
        bridge.reconcile(moment)
    go_on_without_reconcile(bridge)
    return bridge


def go_on_without_reconcile(bridge: Life) -> None:
    """Let time pass in which nobody reconciles."""
    for _ in range(_MINUTES):
        bridge.dispatch(["taken"])
        bridge.forward()
        bridge.clock.sleep(60)


def every_death(step: str, scenario: str, *, is_queued: bool) -> Iterator[Life]:
    """Return what came of a death at each moment that a step has."""
    for moment in count():
        bridge = live(step, scenario, moment, is_queued=is_queued)
        if not bridge.has_died:
            return
        yield bridge


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("step", ["ask", "dispatch", "receive", "forward", "reconcile"])
def test_wherever_a_function_dies_a_message_is_sent_once_and_its_outcome_reported(
    step: str, scenario: str, *, is_queued: bool
) -> None:
    for bridge in every_death(step, scenario, is_queued=is_queued):
        waiting_for_reconcile = [one.id for one in bridge.open_messages() if one.outcome]
        # What the others leave is called again: by SQS, by 8x8 or by MoEngage.
        assert not waiting_for_reconcile or step == "reconcile"

        for _ in range(_HOURS_TO_RECONCILE * 12):
            if not bridge.open_messages():
                break
            bridge.reconcile()
            bridge.dispatch(["taken"])
            bridge.forward()
            bridge.clock.sleep(300)

        heard = Counter(message_id for message_id, _ in bridge.moengage.heard)
        asked_for = (one for one in bridge.messages.messages.values() if not one.closes_window)
        assert heard.keys() == {one.id for one in asked_for}
        assert set(bridge.eightx8.taken.values()) <= {1}
        # But for a death between MoEngage's answer and its record.
        assert heard.total() - len(heard) <= (step == "forward")


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
def test_an_outcome_that_sqs_did_not_take_is_queued_by_what_comes_again(*, is_queued: bool) -> None:
    """MoEngage's repeat of the request in direct mode, the record of the send queue otherwise."""
    bridge = Life(is_queued=is_queued)
    with failing(bridge.outcome_queue, "add"):
        bridge.ask("one", ["rejected"], None)
        bridge.dispatch(["rejected"])
        if not is_queued:
            assert bridge.ask("one", ["rejected"], None) is not None
            bridge.clock.sleep(5)
    if not is_queued:
        bridge.ask("one", ["rejected"], None)

    go_on_without_reconcile(bridge)

    assert [outcome.reason for _, outcome in bridge.moengage.heard] == ["eightx8_rejected"]
