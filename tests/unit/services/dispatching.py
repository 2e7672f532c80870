"""The step that works off the send queue, with all that it works with in memory."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sms_bridge.domain.message import MessageType
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.domain.state import State
from sms_bridge.services.dispatch import DispatchMessages
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsSendQueue
from tests.builders import a_message, a_request
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.sqs import InMemorySqs
from tests.services import TO_LIVE, InMemory, policies

QUEUE = "queue"
DEAD = "dead"


def an_id(number: int) -> str:
    return f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}"


class Bridge(InMemory):
    """A bridge in queued mode; what waits lies in the send queue."""

    def __init__(
        self,
        *,
        ambiguous: str = "hold",
        opt_out_types: str = "",
        rate: float = 0,
        at_once: int = 1,
        **eightx8: Any,
    ) -> None:
        super().__init__()
        self.sqs = InMemorySqs(self.clock)
        self.send_queue = SqsSendQueue(
            lambda: self.sqs.client,
            dict.fromkeys(MessageType, QUEUE),
            SqsDeadLetterQueue(lambda: self.sqs.client, DEAD),
        )
        self.eightx8 = FakeEightX8(**eightx8)
        self.slept: list[float] = []
        self.time_left = 60.0
        self.step = self.a_service(
            DispatchMessages,
            **policies(ambiguous=ambiguous, opt_out_types=opt_out_types),
            rate=rate,
            at_once=at_once,
            sender=self.eightx8,
            sleep=self._sleep,
        )

    def a_watched_dispatcher(self, watched: Callable[[Any], Any]) -> DispatchMessages:
        """Return a dispatcher with something between it and what it works with."""
        names = ("messages", "send_queue", "outcomes", "opt_outs", "sender")
        return replace(self.step, **{name: watched(getattr(self.step, name)) for name in names})

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.sleep(seconds)

    def add(self, number: int = 1, *, reply_to: str = "", **changes: Any) -> str:
        """Let a message wait, with its record in the queue; returns its id."""
        request = a_request(**{"text": f"Text {number}", **changes})
        message = a_message(
            id=an_id(number),
            state=State.WAITING,
            message_type=request.message_type,
            sub_account_id=request.sub_account_id,
            destination=request.destination,
            campaign_id=request.campaign_id or "",
            recipient_hash=keyed_hash(request.destination, "k"),
            accepted_at=self.clock.now,
            send_before=self.clock.now + TO_LIVE,
            attempt=0,
            attempt_at=0.0,
            reply_to=reply_to,
        )
        self.messages.create(message)
        self.send_queue.add(message, request)
        return message.id

    def receive(self) -> list[dict[str, Any]]:
        return self.sqs.receive(QUEUE)

    def run(
        self, records: list[dict[str, Any]], step: DispatchMessages | None = None
    ) -> dict[str, Any]:
        dispatch = step or self.step
        return self.send_queue.work_through(
            records, lambda queued: dispatch(queued, time_left=lambda: self.time_left)
        )

    def dispatch(self, step: DispatchMessages | None = None) -> list[str]:
        """Work off what can be seen; returns the bodies of the records that stay."""
        records = self.receive()
        response = self.run(records, step)
        self.sqs.settle(QUEUE, records, response)
        return [letter for letter, _ in self.sqs.letters(QUEUE)]

    def states(self, ids: Iterable[str]) -> list[State]:
        return [self.kept(message_id).state for message_id in ids]

    @property
    def posted(self) -> list[str]:
        """Ids of all that was posted, as often as it was."""
        return list(self.eightx8.posted)

    @property
    def hidden_for(self) -> list[float]:
        """For how long each record in the queue cannot be seen."""
        return [round(seconds) for seconds in self.sqs.hidden_for(QUEUE)]
