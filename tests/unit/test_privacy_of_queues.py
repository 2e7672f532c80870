"""No text, number, token or key in any line of the log of what works behind the queues."""

import json

import pytest

from sms_bridge.domain.arrivals import InboundWork, QueuedInbound
from sms_bridge.domain.message import MessageType, State
from sms_bridge.domain.opt_out import Identifier, OptRequest
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.eightx8_log import EightX8Log
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DataApi
from sms_bridge.services.dispatch import DispatchMessages
from sms_bridge.services.forward import Forward
from sms_bridge.services.reconcile import Reconcile
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from tests.builders import MESSAGE_ID, a_message, a_person, a_request, an_inbound
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.http_server import Behaviour, LoopbackServer, answers, reads_and_resets
from tests.fakes.messages import InMemoryMessages
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.sqs import InMemorySqs
from tests.services import a_service, secrets_of
from tests.unit.privacy import API_KEY, CODE, HASH_KEY, NUMBER, TEXT, EveryLine, SpeakingError

WORDS = json.dumps(
    {
        "code": 1002,
        "message": f"{NUMBER}: {TEXT}",
        "messages": [{"clientMessageId": MESSAGE_ID, "status": {"code": TEXT}}],
    }
).encode()


class Queue:
    """A send queue with one message in it, and the step that works it off."""

    def __init__(self, url: str = "http://127.0.0.1:1") -> None:
        clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.opt_outs = InMemoryOptOuts()
        self.sqs = InMemorySqs(clock)
        self.send_queue = SqsSendQueue(self.sqs.aws, dict.fromkeys(MessageType, "queue"))
        self.dead_letters = SqsDeadLetterQueue(self.sqs.aws, "dead")
        message = a_message(
            state=State.WAITING,
            destination=NUMBER,
            recipient_hash=keyed_hash(NUMBER, HASH_KEY),
            attempt=0,
            accepted_at=clock.now,
            send_before=clock.now + 60,
        )
        self.messages.create(message)
        self.send_queue.add(message, a_request(destination=NUMBER, text=TEXT))
        self.step = a_service(
            DispatchMessages,
            opt_out_message_types=",".join(MessageType),
            messages=self.messages,
            send_queue=self.send_queue,
            opt_outs=self.opt_outs,
            sender=EightX8(Connections(url, connect_timeout=2.0), RotatingKeys(API_KEY, API_KEY)),
            clock=clock,
            sleep=clock.sleep,
        )

    def dispatch(self) -> None:
        self.send_queue.work_through(
            self.sqs.receive("queue"),
            lambda queued: self.step(queued, time_left=lambda: 60.0),
            self.dead_letters,
        )


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(200, WORDS),
        answers(400, WORDS),
        answers(401, WORDS),
        answers(429, WORDS),
        answers(500, WORDS),
        reads_and_resets,
    ],
    ids=["unreadable", "400", "401", "429", "500", "reset"],
)
def test_promise_6_no_text_number_or_secret_is_logged_when_the_send_queue_is_dispatched(
    behaviour: Behaviour, every_line: EveryLine
) -> None:
    with LoopbackServer(behaviour) as server:
        Queue(server.url).dispatch()

    every_line.hold_no_secret()


@pytest.mark.parametrize("method", ["begin_attempt", "record_result"])
def test_promise_6_no_text_number_or_secret_is_logged_when_it_is_dispatched_while_the_table_fails(
    method: str, every_line: EveryLine
) -> None:
    with LoopbackServer(answers(500, WORDS)) as server:
        queue = Queue(server.url)
        with failing(queue.messages, method, error=SpeakingError()):
            queue.dispatch()

    every_line.hold_no_secret()


@pytest.mark.parametrize("body", [f"{TEXT} {NUMBER}", json.dumps({"messageId": TEXT})])
@pytest.mark.parametrize("fails", [(), ("send_message",)])
def test_promise_6_no_text_number_or_secret_is_logged_of_a_record_that_cannot_be_read(
    body: str, fails: tuple[str, ...], every_line: EveryLine
) -> None:
    queue = Queue()
    queue.sqs.queues.clear()
    queue.sqs.send_message(QueueUrl="queue", MessageBody=body)

    with failing(queue.sqs, *fails, error=SpeakingError()):
        queue.dispatch()

    every_line.hold_no_secret()


def test_promise_6_no_text_number_or_secret_is_logged_of_a_person_who_opted_out(
    every_line: EveryLine,
) -> None:
    queue = Queue()
    queue.opt_outs.record(a_person(NUMBER, hash_key=HASH_KEY), OptRequest.OPT_OUT, 1.0)

    queue.dispatch()

    every_line.hold_no_secret()


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(202, json.dumps({"jobId": "job", "status": TEXT, "data": [NUMBER]}).encode()),
        answers(400, WORDS),
        answers(500, WORDS),
        reads_and_resets,
    ],
    ids=["garbage", "400", "500", "reset"],
)
@pytest.mark.parametrize("fails", [(), ("record_result",)])
def test_promise_6_no_text_number_or_secret_is_logged_while_reconciling(
    behaviour: Behaviour, fails: tuple[str, ...], every_line: EveryLine
) -> None:
    clock, messages = TurnableClock(), InMemoryMessages()
    for number, state in enumerate((State.UNKNOWN, State.SENDING, State.WAITING)):
        messages.create(a_message(id=f"{number}{MESSAGE_ID}", state=state, destination=NUMBER))
    clock.now = 1_795_512_600.0 + 700
    with (
        LoopbackServer(behaviour) as server,
        failing(messages, *fails, error=SpeakingError()),
    ):
        step = a_service(
            Reconcile,
            unknown_timeout_seconds=60,
            receipt_timeout_seconds=60,
            unresolved_timeout_seconds=10_000_000,
            messages=messages,
            log=EightX8Log(Connections(server.url, connect_timeout=2.0), RotatingKeys(API_KEY)),
            clock=clock,
            sleep=clock.sleep,
        )
        assert step(time_left=lambda: 300.0)["ask"] == 2

    every_line.hold_no_secret()


@pytest.mark.parametrize(
    "body", [f"{TEXT} {NUMBER}", json.dumps({"version": 1, "messageId": MESSAGE_ID})]
)
def test_promise_6_no_text_number_or_secret_is_logged_of_records_in_the_outcome_queue(
    body: str, every_line: EveryLine
) -> None:
    sqs, messages = InMemorySqs(TurnableClock()), InMemoryMessages()
    sqs.send_message(QueueUrl="queue", MessageBody=body)
    forward = a_service(Forward, messages=messages)
    full = SqsDeadLetterQueue(sqs.aws, "dead")

    with (
        failing(messages, "get", error=SpeakingError()),
        failing(full, "add", error=SpeakingError()),
    ):
        SqsOutcomeQueue(sqs.aws, "queue").work_through(sqs.receive("queue"), forward, full)

    every_line.hold_no_secret()


@pytest.mark.parametrize("behaviour", [answers(), answers(400, WORDS), reads_and_resets])
@pytest.mark.parametrize("work", list(InboundWork))
def test_promise_6_no_text_number_or_secret_is_logged_when_an_inbound_message_is_passed_on(
    behaviour: Behaviour, work: InboundWork, every_line: EveryLine
) -> None:
    clock, messages, opt_outs = TurnableClock(), InMemoryMessages(), InMemoryOptOuts()
    inbound = an_inbound(source=NUMBER, text=CODE, received_at=clock.now)
    inbound_id = messages.keep_inbound(inbound)
    opt_outs.record(a_person(NUMBER, hash_key=HASH_KEY), OptRequest.OPT_OUT, clock.now)
    with LoopbackServer(behaviour) as server:
        url = f"{server.url}/v1/customer/WORKSPACE"
        step = a_service(
            Forward,
            messages=messages,
            opt_outs=opt_outs,
            users=DataApi(
                url,
                Connections(url, connect_timeout=2.0),
                identifier=Identifier.CUSTOMER_ID,
            ),
            secrets=secrets_of(HASH_KEY, API_KEY),
            opt_out_keywords=CODE,
            clock=clock,
        )
        step(QueuedInbound(inbound_id, work, {"body": ""}))

    every_line.hold_no_secret()
