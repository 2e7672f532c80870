"""Outcomes on their way to MoEngage, in SQS. The queue carries ids; the facts are in the table."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.logs import log_failure
from sms_bridge.storage.dead_letters import DeadLetterQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


Tell = Callable[[str, int], int | None]
"""Tells a message's outcome, whose record was received so often; returns the seconds until it is
told again, None when done."""


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
            MessageBody=outcome_body(message_id),
            DelaySeconds=delay_seconds,
        )

    def work_through(
        self, records: list[dict[str, Any]], tell: Tell, dead_letters: DeadLetterQueue
    ) -> dict[str, Any]:
        """Tell each outcome of a batch that Lambda received from the queue.

        Returns
        -------
        dict
            A partial batch response: what has to be told again stays in the queue, out of sight
            until its time has come. A record that fails in any other way comes again after the
            queue's visibility timeout.
        """
        again = []
        for record in records:
            try:
                message_id = _message_id_in(record["body"])
                if message_id is None:
                    dead_letters.add(record["body"], reason="unreadable")
                    continue
                received = int(record["attributes"]["ApproximateReceiveCount"])
                wait = tell(message_id, received)
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


def outcome_body(message_id: str) -> str:
    """Return the body of a record, in the queue and in its dead-letter queue."""
    return json.dumps({"messageId": message_id})


def _message_id_in(body: str) -> str | None:
    try:
        content = json.loads(body)
    except ValueError:
        return None
    message_id = content.get("messageId") if isinstance(content, dict) else None
    return message_id if isinstance(message_id, str) and message_id else None
