"""A whole bridge of real steps, with 8x8, MoEngage and AWS in memory."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.message import Message, MessageRequest, MessageType, Outcome
from sms_bridge.domain.queued import QueuedInbound, QueuedOutcome
from sms_bridge.domain.reconciliation import Timeouts
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.domain.send_result import SendResult
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.dispatch import DispatchMessages
from sms_bridge.services.forward import ForwardOutcome
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.reconcile import Reconcile
from sms_bridge.services.send import SendMessage
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_receipt,
    a_receipt_callback,
    a_request,
)
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import Interruption, KilledError, kill
from tests.fakes.log_exports import FakeLog, InMemoryExportJobs, LogEntry
from tests.fakes.messages import InMemoryMessages
from tests.fakes.sqs import InMemorySqs
from tests.services import PARTS, a_service

SENDING, REPORT_RESULT, DEAD = "send-queue", "outcome-queue", "dead-letter-queue"
WINDOW = PARTS["duplicate_window"]()
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
    """8x8: what it took, and what its log says of that.

    Attributes
    ----------
    scenarios
        Of the next messages, in turn.
    taken
        How often it took each id.
    words
        The last state of each message that it took, and when it took it.
    """

    clock: TurnableClock
    scenarios: Sequence[str] = ("taken",)
    taken: Counter[str] = field(default_factory=Counter)
    words: dict[str, tuple[str, float]] = field(default_factory=dict)

    def send(
        self,
        request: MessageRequest,  # noqa: ARG002
        message_id: str,
        *,
        time_left: Callable[[], float],  # noqa: ARG002
    ) -> SendResult:
        scenario, *others = self.scenarios
        self.scenarios = (*others, scenario)
        result, is_taken = SCENARIOS[scenario]
        if is_taken:
            self.taken[message_id] += 1
            self.words[message_id] = (
                "rejected" if scenario == "rejected" else "queued",
                self.clock.now,
            )
        return result

    def send_batch(
        self,
        sub_account_id: str,  # noqa: ARG002
        requests: Mapping[str, MessageRequest],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        return {
            message_id: self.send(request, message_id, time_left=time_left)
            for message_id, request in requests.items()
        }

    def log(self, _: str) -> list[LogEntry]:
        """Return the log, which is late; somebody sends a message through 8x8 all the time."""
        written_until = self.clock.now - SECONDS_UNTIL_LOGGED
        own = [
            LogEntry(
                taken_at,
                a_receipt(word, client_message_id=message_id, received_at=self.clock.now),
            )
            for message_id, (word, taken_at) in self.words.items()
            if taken_at <= written_until
        ]
        return [*own, LogEntry(written_until, a_receipt("sent", client_message_id="another"))]


@dataclass
class MoEngageBooks:
    """MoEngage: what it heard of each id."""

    verdict: ReportVerdict = ReportVerdict.ACKNOWLEDGED
    heard: list[tuple[str, Outcome]] = field(default_factory=list)

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        if self.verdict is ReportVerdict.ACKNOWLEDGED:
            self.heard.append((message.id, outcome))
        status = {
            ReportVerdict.ACKNOWLEDGED: 200,
            ReportVerdict.RETRY: 503,
            ReportVerdict.REFUSED: 404,
        }[self.verdict]
        return ReportResult(verdict=self.verdict, http_status=status)


class Bridge:
    """All steps over the same table and queues.

    Each way to work takes a moment at which its function is killed, ``None`` for never, and
    returns whether it lived.

    Attributes
    ----------
    has_died
        Whether a function was killed.
    """

    def __init__(self, *, is_queued: bool) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.sqs = InMemorySqs(self.clock)
        self.eightx8 = EightX8Books(self.clock)
        self.moengage = MoEngageBooks()
        self.jobs = InMemoryExportJobs()
        self.dead_letters = SqsDeadLetterQueue(lambda: self.sqs.client, DEAD)
        self.send_queue = SqsSendQueue(
            lambda: self.sqs.client, dict.fromkeys(MessageType, SENDING), self.dead_letters
        )
        self.outcomes = SqsOutcomeQueue(
            lambda: self.sqs.client, REPORT_RESULT, once=lambda: self.sqs.client
        )
        self.is_queued = is_queued
        self._interruption = Interruption(0, kill)
        self.has_died = False
        watch = self._watch

        own: dict[str, Any] = {
            "messages": watch(self.messages),
            "send_queue": watch(self.send_queue),
            "outcomes": watch(self.outcomes),
            "dead_letters": watch(self.dead_letters),
            "sender": watch(self.eightx8),
            "reports": watch(self.moengage),
            "jobs": watch(self.jobs),
            "log": watch(FakeLog(entries=self.eightx8.log)),
            "clock": self.clock,
            "sleep": self.clock.sleep,
            "is_queued": is_queued,
            "timeouts": Timeouts(unknown=600, unresolved=7200, receipt=7200),
        }
        # A step takes of these what it works with.
        self._send = a_service(SendMessage, **own)
        self._dispatch = a_service(DispatchMessages, **own)
        self._receive = a_service(ReceiveCallback, **own)
        self._forward = a_service(ForwardOutcome, **own)
        self._reconcile = a_service(Reconcile, **own)

    def _watch(self, fake: object) -> Any:
        class Now:
            """Meets the interruption of the run that is under way."""

            def __getattr__(_, name: str) -> Any:
                return getattr(self._interruption.watched(fake), name)

        return Now()

    def _run(self, dies_at: int | None, work: Callable[[], None]) -> bool:
        self._interruption = Interruption(-1 if dies_at is None else dies_at, kill)
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

        def work() -> None:
            answer_time = AnswerTime[Message](3.6, self.clock)
            answers.append(self._send(a_request(text=text), hash_key="k", answer_time=answer_time))

        return answers[0] if self._run(dies_at, work) else None

    def dispatch(self, scenarios: Sequence[str], dies_at: int | None = None) -> bool:
        """Work off what can be seen of the send queue."""
        self.eightx8.scenarios = scenarios
        records = self.sqs.receive(SENDING)

        def work() -> None:
            response = self.send_queue.work_through(
                records, lambda queued: self._dispatch(queued, time_left=lambda: 60.0)
            )
            self.sqs.settle(SENDING, records, response)

        return self._run(dies_at, work)

    def forward(
        self, verdict: ReportVerdict = ReportVerdict.ACKNOWLEDGED, dies_at: int | None = None
    ) -> bool:
        """Work off what can be seen of the outcome queue."""
        self.moengage.verdict = verdict
        records = self.sqs.receive(REPORT_RESULT)

        def handle(queued: QueuedOutcome | QueuedInbound) -> int | None:
            assert isinstance(queued, QueuedOutcome)
            return self._forward(queued)

        def work() -> None:
            response = self.outcomes.work_through(records, handle, self.dead_letters)
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

        def work() -> None:
            self._reconcile(time_left=lambda: 300.0)

        return self._run(dies_at, work)

    def asked_for(self) -> list[Message]:
        """Return all messages, the oldest first."""
        real = (one for one in self.messages.messages.values() if not one.closes_window)
        return sorted(real, key=lambda one: one.accepted_at)
