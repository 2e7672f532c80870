"""The stack's queues: how much is in them, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.stack import Stack

WORK_QUEUES = ("TransactionalQueue", "PromotionalQueue", "OutcomeQueue")
DEAD_LETTER_QUEUES = ("SendDeadLetterQueue", "OutcomeDeadLetterQueue")
RECEIVED_TOO_OFTEN = "received_too_often"
"""Why SQS itself moves a record to a dead-letter queue."""

# A record that is looked at is out of sight for so long, unless it is put back before.
_SECONDS_TO_LOOK = 120
_LOOKS_AT_MOST = 50

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Depth:
    """How many records a queue holds.

    Attributes
    ----------
    ready, held_back, in_work
        To be worked on now, later, and being worked on.
    """

    ready: int
    held_back: int
    in_work: int

    @property
    def total(self) -> int:
        return self.ready + self.held_back + self.in_work


def depth_of(stack: Stack, queue: str) -> Depth:
    """Return how full a queue is, by its name in the template."""
    attributes = stack.queues[queue]
    return Depth(
        ready=int(attributes["ApproximateNumberOfMessages"]),
        held_back=int(attributes["ApproximateNumberOfMessagesDelayed"]),
        in_work=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


def look_through(stack: Stack, queue: str, looks: int = _LOOKS_AT_MOST) -> Iterator[Record]:
    """Receive the records of a queue; those that were not deleted are back in it afterwards."""
    client, url = stack.client("sqs"), stack.resource(queue).id
    looked_at: list[Record] = []
    try:
        for _ in range(looks):
            records = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_SECONDS_TO_LOOK,
                MessageAttributeNames=["reason"],
            ).get("Messages", [])
            if not records:
                break
            looked_at += records
            yield from records
    finally:
        for record in looked_at:
            try:
                client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=record["ReceiptHandle"], VisibilityTimeout=0
                )
            except client.exceptions.ClientError:
                continue  # it was deleted, or comes back by itself


def reasons_in(stack: Stack, queue: str) -> Counter[str]:
    """Count the records of a dead-letter queue by reason; of a long one only the first 500."""
    return Counter(map(reason_of, look_through(stack, queue)))


def reason_of(record: Record) -> str:
    given = record.get("MessageAttributes", {}).get("reason")
    return given.get("StringValue", "") if given else RECEIVED_TOO_OFTEN
