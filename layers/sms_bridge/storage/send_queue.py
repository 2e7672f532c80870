"""Messages on their way to 8x8, in SQS: the only place where a text is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from itertools import batched
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.logs import log_failure
from sms_bridge.rules.messages import MessageKind, MessageRequest
from sms_bridge.storage.aws_calls import error_of
from sms_bridge.values import value

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_KINDS = {kind.value: kind for kind in MessageKind}

_AT_ONCE = 10
"""SQS's limit."""

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

    def postpone(self, waits: Sequence[tuple[SendRecord, int]]) -> None:
        """Hide records for so many seconds. They have to be reported as failed, or Lambda deletes
        them; one that cannot be hidden so comes again after the queue's own visibility timeout.
        """
        for kind, url in self._urls.items():
            of_a_kind = (one for one in waits if one[0].request.kind is kind)
            for some in batched(of_a_kind, _AT_ONCE, strict=False):
                try:
                    answer = self._client.change_message_visibility_batch(
                        QueueUrl=url,
                        Entries=[
                            {
                                "Id": str(number),
                                "ReceiptHandle": record.handle,
                                "VisibilityTimeout": seconds,
                            }
                            for number, (record, seconds) in enumerate(some)
                        ],
                    )
                    for failed in answer.get("Failed", []):
                        error = error_of(failed["Code"], {})
                        message_id = some[int(failed["Id"])][0].message_id
                        log_failure("record not postponed", error, message_id=message_id)
                except Exception as error:
                    log_failure("records not postponed", error)


def read_send_record(record: Mapping[str, Any]) -> SendRecord:
    """Read a record of an SQS event.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is none that the bridge wrote.
    """
    body = json.loads(record["body"])
    request = body["request"]
    request["kind"] = _KINDS[request["kind"]]
    return SendRecord(
        message_id=str(body["messageId"]),
        request=MessageRequest(**request),
        record_id=str(record["messageId"]),
        handle=str(record["receiptHandle"]),
        tries=int(record["attributes"]["ApproximateReceiveCount"]),
    )
