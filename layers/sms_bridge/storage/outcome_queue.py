"""Outcomes on their way to MoEngage, in SQS. The queue carries ids; the facts are in the table."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.json_text import json_text
from sms_bridge.logs import log_failure
from sms_bridge.storage.dead_letters import DeadLetterQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


Tell = Callable[[str, int], int | None]
"""Tells a message's outcome; returns the seconds until it is told again, None when done. Is given
how often the record that the outcome is held for was received, 0 for any other record."""


class OutcomeQueue(Protocol):
    """Says that a message's outcome is to be told."""

    def add(self, message_id: str, *, delay_seconds: int = 0, is_first: bool = False) -> None:
        """Queue a message's outcome, to be told after a delay (at most 900 seconds).

        Parameters
        ----------
        is_first
            Whether the caller has just made it due, so that it is held for this record.
        """


class SqsOutcomeQueue:
    """An :class:`OutcomeQueue` in SQS.

    Parameters
    ----------
    once
        A client that never repeats a call. Without it no outcome is held for a record.
    """

    def __init__(self, client: "SQSClient", url: str, *, once: "SQSClient | None" = None) -> None:
        self._client = client
        self._url = url
        self._once = once

    def add(self, message_id: str, *, delay_seconds: int = 0, is_first: bool = False) -> None:
        """See :class:`OutcomeQueue`."""
        if is_first and self._once:
            try:
                self._send(self._once, _first_body(message_id), delay_seconds)
                return
            except Exception as error:
                # It may be in the queue all the same. A record that says so as well would be
                # told side by side with it.
                log_failure("outcome not queued at once", error, message_id=message_id)
        self._send(self._client, outcome_body(message_id), delay_seconds)

    def _send(self, client: "SQSClient", body: str, delay_seconds: int) -> None:
        client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)

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
                message_id, is_first = _read(record["body"])
                if message_id is None:
                    dead_letters.add(record["body"], reason="unreadable")
                    continue
                received = int(record["attributes"]["ApproximateReceiveCount"])
                wait = tell(message_id, received if is_first else 0)
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
    return json_text({"messageId": message_id})


def _first_body(message_id: str) -> str:
    """Return the body of the record that an outcome is held for."""
    return json_text({"messageId": message_id, "isFirst": True})


def _read(body: str) -> tuple[str | None, bool]:
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return None, False
    message_id = content.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        return None, False
    return message_id, content.get("isFirst") is True
