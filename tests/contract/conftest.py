"""The stores and queues that have to obey the same contract, in memory and in moto's AWS."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.table import OperatorsMessages
from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.services.interfaces import (
    DeadLetterQueue,
    MessageStore,
    OptOuts,
)
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue
from sms_bridge.storage.table import MessagesTable
from tests.fakes.aws import (
    TABLE,
    LosesAnswers,
    a_messages_table,
    a_queue,
    an_aws_account,
    clients_of_a_function,
)
from tests.fakes.clock import TurnableClock
from tests.fakes.logs import logged
from tests.fakes.messages import InMemoryMessages
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemoryDeadLetters
from tests.fakes.sqs import InMemorySqs, clients_of_sqs

__all__ = ["logged"]

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


IN_MEMORY = "in memory"
LOSES_ANSWERS = "DynamoDB (moto) that loses each first answer"
STORES = (IN_MEMORY, "DynamoDB (moto)", LOSES_ANSWERS)


@contextmanager
def dynamodb(kind: str = "") -> Iterator["DynamoDBClient"]:
    """Return the client of a function, of a table that is empty."""
    with an_aws_account():
        a_messages_table()
        client: Any = clients_of_a_function().dynamodb
        if kind == LOSES_ANSWERS:
            client = LosesAnswers(client)
        yield client


@pytest.fixture(params=STORES)
def client(request: pytest.FixtureRequest) -> Iterator["DynamoDBClient | None"]:
    """The client of an empty table; none stands for what is in memory."""
    if request.param == IN_MEMORY:
        yield None
        return
    with dynamodb(request.param) as made:
        yield made


@pytest.fixture
def store(client: "DynamoDBClient | None") -> MessageStore:
    return DynamoDBMessages(MessagesTable(client, TABLE)) if client else InMemoryMessages()


@pytest.fixture(params=STORES[1:])
def moto_table(request: pytest.FixtureRequest) -> Iterator[DynamoDBMessages]:
    """The messages in moto's DynamoDB, empty."""
    with dynamodb(request.param) as client:
        yield DynamoDBMessages(MessagesTable(client, TABLE))


@pytest.fixture(params=STORES[1:])
def operators(request: pytest.FixtureRequest) -> Iterator[OperatorsMessages]:
    """The messages as the operators' tool has them, with all of boto3's models; empty."""
    with an_aws_account():
        client: Any = a_messages_table()
        if request.param == LOSES_ANSWERS:
            client = LosesAnswers(client)
        yield OperatorsMessages(MessagesTable(client, TABLE))


OptOutsOf = Callable[[OptOutScope], OptOuts]
"""The same opt-outs, as a deployment with this scope sees them."""


@pytest.fixture
def opt_outs_of(client: "DynamoDBClient | None") -> OptOutsOf:
    if client:
        return lambda scope: DynamoDBOptOuts(MessagesTable(client, TABLE), scope)
    return functools.partial(InMemoryOptOuts, requests={})


@pytest.fixture
def opt_outs(opt_outs_of: OptOutsOf) -> OptOuts:
    """Each kind of opt-outs of a whole stack, empty."""
    return opt_outs_of(OptOutScope.STACK)


@dataclass(frozen=True)
class Sqs:
    """SQS with two queues, and what a test needs to see of them.

    Attributes
    ----------
    receive
        The records of a queue that can be seen now, as Lambda gets them.
    held_back
        How many records of a queue cannot be seen yet.
    """

    client: "SQSClient"
    transactional: str
    promotional: str
    receive: Callable[[str], list[dict[str, Any]]]
    held_back: Callable[[str], int]

    @property
    def aws(self) -> AwsClients:
        return clients_of_sqs(self.client)


@pytest.fixture(params=["in memory", "SQS (moto)"])
def sqs(request: pytest.FixtureRequest) -> Iterator[Sqs]:
    """Each kind of SQS, with empty queues."""
    if request.param == "in memory":
        fake = InMemorySqs(TurnableClock())
        yield Sqs(
            fake.client,
            "transactional",
            "promotional",
            receive=fake.receive,
            held_back=lambda url: sum(map(bool, fake.hidden_for(url))),
        )
        return
    with an_aws_account():
        client, transactional = a_queue("transactional")
        _, promotional = a_queue("promotional")

        def receive(url: str) -> list[dict[str, Any]]:
            received = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
            )
            return [
                {
                    "messageId": one["MessageId"],
                    "receiptHandle": one["ReceiptHandle"],
                    "body": one["Body"],
                    "attributes": one["Attributes"],
                }
                for one in received.get("Messages", [])
            ]

        def held_back(url: str) -> int:
            found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return int(found["ApproximateNumberOfMessagesDelayed"]) + int(
                found["ApproximateNumberOfMessagesNotVisible"]
            )

        yield Sqs(clients_of_a_function().sqs, transactional, promotional, receive, held_back)


@dataclass(frozen=True)
class DeadLetterQueueUnderTest:
    """A dead-letter queue, and a way to see the bodies and reasons in it."""

    queue: DeadLetterQueue
    letters: Callable[[], list[tuple[str, str]]]


@pytest.fixture(params=["in memory", "SQS in memory", "SQS (moto)"])
def dead_letters(request: pytest.FixtureRequest) -> Iterator[DeadLetterQueueUnderTest]:
    """Each kind of dead-letter queue, empty."""
    if request.param == "in memory":
        fake = InMemoryDeadLetters()
        yield DeadLetterQueueUnderTest(fake, lambda: fake.letters)
        return
    if request.param == "SQS in memory":
        sqs = InMemorySqs(TurnableClock())
        yield DeadLetterQueueUnderTest(
            SqsDeadLetterQueue(sqs.aws, "dead"), lambda: sqs.letters("dead")
        )
        return
    with an_aws_account():
        client, url = a_queue("dead")

        def letters() -> list[tuple[str, str]]:
            received = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            return [
                (one["Body"], one["MessageAttributes"]["reason"]["StringValue"])
                for one in received.get("Messages", [])
            ]

        yield DeadLetterQueueUnderTest(SqsDeadLetterQueue(clients_of_sqs(client), url), letters)
