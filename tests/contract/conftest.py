"""The stores and queues that have to obey the same contract, in memory and in moto's AWS."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.messages import MessageStore
from sms_bridge.storage.outcome_queue import (
    DeadLetterQueue,
    OutcomeQueue,
    SqsDeadLetterQueue,
    SqsOutcomeQueue,
)
from tests.fakes.aws import TABLE, a_messages_table, a_queue, an_aws_account
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemoryDeadLetters, InMemoryOutcomes


@pytest.fixture(params=["in memory", "DynamoDB (moto)"])
def store(request: pytest.FixtureRequest) -> Iterator[MessageStore]:
    """Each kind of message store, empty."""
    if request.param == "in memory":
        yield InMemoryMessages()
        return
    with an_aws_account():
        yield DynamoDBMessages(a_messages_table(), TABLE, retention_days=90)


@pytest.fixture
def atomic_store() -> MessageStore:
    """A store that keeps its promises under simultaneous calls. moto does not."""
    return InMemoryMessages()


@dataclass(frozen=True)
class OutcomeQueueUnderTest:
    """An outcome queue, and ways to see what is in it.

    Attributes
    ----------
    ready, held_back
        The ids that can be received now, and how many cannot yet.
    """

    queue: OutcomeQueue
    ready: Callable[[], list[str]]
    held_back: Callable[[], int]


@pytest.fixture(params=["in memory", "SQS (moto)"])
def outcomes(request: pytest.FixtureRequest) -> Iterator[OutcomeQueueUnderTest]:
    """Each kind of outcome queue, empty."""
    if request.param == "in memory":
        fake = InMemoryOutcomes()
        yield OutcomeQueueUnderTest(
            fake,
            ready=lambda: [message_id for message_id, delay in fake.queued if not delay],
            held_back=lambda: len([delay for _, delay in fake.queued if delay]),
        )
        return
    with an_aws_account():
        client, url = a_queue()

        def ready() -> list[str]:
            received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            return [json.loads(one["Body"])["messageId"] for one in received.get("Messages", [])]

        def held_back() -> int:
            answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            return int(answer["Attributes"]["ApproximateNumberOfMessagesDelayed"])

        yield OutcomeQueueUnderTest(SqsOutcomeQueue(client, url), ready, held_back)


@dataclass(frozen=True)
class DeadLetterQueueUnderTest:
    """A dead-letter queue, and a way to see the ids and reasons in it."""

    queue: DeadLetterQueue
    letters: Callable[[], list[tuple[str, str]]]


@pytest.fixture(params=["in memory", "SQS (moto)"])
def dead_letters(request: pytest.FixtureRequest) -> Iterator[DeadLetterQueueUnderTest]:
    """Each kind of dead-letter queue, empty."""
    if request.param == "in memory":
        fake = InMemoryDeadLetters()
        yield DeadLetterQueueUnderTest(fake, lambda: fake.letters)
        return
    with an_aws_account():
        client, url = a_queue()

        def letters() -> list[tuple[str, str]]:
            received = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            return [
                (
                    json.loads(one["Body"])["messageId"],
                    one["MessageAttributes"]["reason"]["StringValue"],
                )
                for one in received.get("Messages", [])
            ]

        yield DeadLetterQueueUnderTest(SqsDeadLetterQueue(client, url), letters)
