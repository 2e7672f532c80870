"""Messages on their way to 8x8, in SQS: the only place where a text is kept."""

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.rules.messages import MessageKind, MessageRequest
from sms_bridge.values import value

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS takes no longer delay for a new record.
_MAX_DELAY = 900


@value(kw_only=True)
class SendRecord:
    """A message in the send queue.

    Attributes
    ----------
    record_id, handle
        Of the record in the queue.
    tries
        How often it was received.
    """

    message_id: str
    request: MessageRequest
    record_id: str
    handle: str = field(repr=False)
    tries: int


class SendQueue(Protocol):
    """Takes messages that are to be sent later."""

    def add(self, message_id: str, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """Queue a message. Queueing it twice is harmless: it is sent once."""


class SqsSendQueue:
    """A :class:`SendQueue` in SQS: one queue for each kind, so that neither waits for the other.

    Parameters
    ----------
    client
        A boto3 SQS client.
    urls
        Of the queues, by kind.
    """

    def __init__(self, client: "SQSClient", urls: Mapping[MessageKind, str]) -> None:
        self._client = client
        self._urls = urls

    def add(self, message_id: str, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """See :class:`SendQueue`."""
        body = json.dumps({"messageId": message_id, "request": asdict(request)})
        self._client.send_message(
            QueueUrl=self._urls[request.kind],
            MessageBody=body,
            DelaySeconds=min(delay_seconds, _MAX_DELAY),
        )

    def postpone(self, record: SendRecord, *, seconds: int) -> None:
        """Hide a record for a while. It has to be reported as failed, or Lambda deletes it."""
        self._client.change_message_visibility(
            QueueUrl=self._urls[record.request.kind],
            ReceiptHandle=record.handle,
            VisibilityTimeout=seconds,
        )


def read_send_record(record: Mapping[str, Any]) -> SendRecord:
    """Read a record of an SQS event.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is none that the bridge wrote.
    """
    body = json.loads(record["body"])
    request = dict(body["request"])
    request["kind"] = MessageKind(request["kind"])
    return SendRecord(
        message_id=str(body["messageId"]),
        request=MessageRequest(**request),
        record_id=str(record["messageId"]),
        handle=str(record["receiptHandle"]),
        tries=int(record["attributes"]["ApproximateReceiveCount"]),
    )
