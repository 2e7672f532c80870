"""The stack's queues: how much is in them, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

WORK_QUEUES = ("TransactionalQueue", "PromotionalQueue", "OutcomeQueue")
DEAD_LETTER_QUEUES = ("SendDeadLetterQueue", "OutcomeDeadLetterQueue")

# A record that is looked at is out of sight for so long, unless it is put back before.
_SECONDS_TO_LOOK = 30
_LOOKS_AT_MOST = 50
_RECEIVED_TOO_OFTEN = "received_too_often"


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
        """All of them."""
        return self.ready + self.held_back + self.in_work


def depth_of(stack: Stack, queue: str) -> Depth:
    """Return how full a queue is, by its name in the template."""
    found = stack.sqs.get_queue_attributes(
        QueueUrl=stack.resource(queue).id,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]
    return Depth(
        ready=int(found["ApproximateNumberOfMessages"]),
        held_back=int(found["ApproximateNumberOfMessagesDelayed"]),
        in_work=int(found["ApproximateNumberOfMessagesNotVisible"]),
    )


def reasons_in(stack: Stack, queue: str) -> Counter[str]:
    """Count the records of a dead-letter queue by the reason why they are there.

    Of a long queue only the first few hundred are looked at. All are back in it afterwards.
    """
    url, reasons = stack.resource(queue).id, Counter[str]()
    looked_at: list[MessageTypeDef] = []
    try:
        for _ in range(_LOOKS_AT_MOST):
            records = stack.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_SECONDS_TO_LOOK,
                MessageAttributeNames=["reason"],
            ).get("Messages", [])
            if not records:
                break
            looked_at += records
            reasons.update(map(_reason_of, records))
    finally:
        _put_back(stack.sqs, url, looked_at)
    return reasons


def _reason_of(record: MessageTypeDef) -> str:
    # SQS itself moves a record without giving a reason.
    given = record.get("MessageAttributes", {}).get("reason")
    return given.get("StringValue", "") if given else _RECEIVED_TOO_OFTEN


def _put_back(client: SQSClient, url: str, records: list[MessageTypeDef]) -> None:
    for record in records:
        client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=record["ReceiptHandle"], VisibilityTimeout=0
        )
