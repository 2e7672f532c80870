"""Outcomes on their way to MoEngage, in SQS. The queue carries ids; the facts are in the table."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.logs import log_failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


Tell = Callable[[str, int], int | None]
"""Tells a message's outcome at the n-th try; returns the seconds to wait, None when done."""


class OutcomeQueue(Protocol):
    """Says that a message's outcome is to be told."""

    def add(self, message_id: str, *, delay_seconds: int = 0) -> None:
        """Queue a message's outcome, to be told after a delay (at most 900 seconds)."""


class SqsOutcomeQueue:
    """An :class:`OutcomeQueue` in SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def add(self, message_id: str, *, delay_seconds: int = 0) -> None:
        """See :class:`OutcomeQueue`."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps({"messageId": message_id}),
            DelaySeconds=delay_seconds,
        )

    def work_through(self, records: list[dict[str, Any]], tell: Tell) -> dict[str, Any]:
        """Tell each outcome of a batch that Lambda received from the queue.

        Returns
        -------
        dict
            A partial batch response: what has to be told again stays in the queue, out of sight
            until its time has come. A record that fails in any other way comes again after the
            queue's visibility timeout, and at last goes to the dead-letter queue.
        """
        again = []
        for record in records:
            try:
                wait = tell(
                    json.loads(record["body"])["messageId"],
                    int(record["attributes"]["ApproximateReceiveCount"]),
                )
                if wait is None:
                    continue
                self._client.change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=wait,
                )
            except Exception as error:
                # One record must not fail the batch: the others would be told again.
                log_failure("outcome not told", error, record=record["messageId"])
            again.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": again}


class DeadLetterQueue(Protocol):
    """Where outcomes stay that MoEngage will not take."""

    def add(self, message_id: str, *, reason: str) -> None:
        """Put an outcome there, with the reason, for a person to look at."""


class SqsDeadLetterQueue:
    """A :class:`DeadLetterQueue` in SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def add(self, message_id: str, *, reason: str) -> None:
        """See :class:`DeadLetterQueue`."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps({"messageId": message_id}),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )
