"""Where work ends that nobody can do, until a person looks at it."""

from collections.abc import Set
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# For so long what was looked at is out of sight, should the looking end early.
_SECONDS_TO_LOOK = 300
_LOOKS_AT_MOST = 10_000


class DeadLetterQueue(Protocol):
    """Keeps what could not be done."""

    def add(self, body: str, *, reason: str) -> None:
        """Put a record there, as it was in its queue, with the reason."""

    def take_out(self, bodies: Set[str]) -> int:
        """Delete the records with these bodies; returns how many there were."""


class SqsDeadLetterQueue:
    """A :class:`DeadLetterQueue` in SQS; the reason is a message attribute of that name."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def add(self, body: str, *, reason: str) -> None:
        """See :class:`DeadLetterQueue`."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def take_out(self, bodies: Set[str]) -> int:
        """See :class:`DeadLetterQueue`."""
        taken, others = 0, []
        for _ in range(_LOOKS_AT_MOST):
            records = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_SECONDS_TO_LOOK,
                WaitTimeSeconds=1,
            ).get("Messages", [])
            if not records:
                break
            for record in records:
                if record["Body"] in bodies:
                    self._client.delete_message(
                        QueueUrl=self._url, ReceiptHandle=record["ReceiptHandle"]
                    )
                    taken += 1
                else:
                    others.append(record["ReceiptHandle"])
        for handle in others:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        return taken
