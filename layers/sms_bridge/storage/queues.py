"""Messages on their way to 8x8, in SQS: the only place where a text is kept."""

import json
from collections.abc import Mapping, Sequence, Set
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, MessageType, Sms
from sms_bridge.json_text import ascii_json_text, json_text
from sms_bridge.observability import identity_of, log_failure
from sms_bridge.services.interfaces import DeadLetterQueue, Report
from sms_bridge.side_work import begin
from sms_bridge.storage.aws_calls import error_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10
"""SQS's limit."""

_MESSAGE_TYPES = frozenset(MessageType)

# SQS takes no longer delay for a new record.
_MAX_DELAY = 900


class SendRecord:
    """A message in the send queue: all that it takes to send it, so that nobody reads its item.

    Parameters
    ----------
    raw
        The record as SQS gives it.

    Attributes
    ----------
    identity
        The keys by which its log lines are found, as JSON.
    accepted_at, send_before
        Seconds since the epoch.
    tries
        How often it was received.

    Raises
    ------
    ValueError, LookupError
        It is none that the bridge wrote.
    """

    raw: Mapping[str, Any]
    identity: str
    sms: Sms
    message_id: str
    message_type: str
    sub_account_id: str
    recipient_hash: str
    accepted_at: float
    send_before: float
    is_scheduled: bool
    tries: int

    __slots__ = tuple(__annotations__)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.identity, facts, self.sms = raw["body"].split("\n", 2)
        message_id, message_type, account, recipient_hash, accepted, before, when = facts.split(
            "\t"
        )
        self.message_id, self.message_type = message_id, message_type
        self.sub_account_id, self.recipient_hash = account, recipient_hash
        self.accepted_at, self.send_before = int(accepted) / 1000, int(before) / 1000
        self.is_scheduled = when == "scheduled"
        if not message_id or message_type not in _MESSAGE_TYPES:
            raise ValueError("no message, or a kind that does not exist")
        if not self.identity.startswith("{") or not self.sms.startswith("{"):
            raise ValueError("no JSON objects")
        self.tries = int(raw["attributes"]["ApproximateReceiveCount"])

    @staticmethod
    def body(message: Message, request: MessageRequest) -> str:
        """Return what the record of a message holds: three lines in ASCII.

        SQS does not take every character. Two of the lines go on as they are; to read the one
        between as JSON would take ten times as long.
        """
        identity = {name: value for name, value in identity_of(message).items() if value}
        facts = (
            message.id,
            message.message_type.value,
            message.sub_account_id,
            message.recipient_hash,
            # Milliseconds: whole numbers are read in a third of the time.
            str(round(seconds_of(message.accepted_at) * 1000)),
            str(round(seconds_of(message.send_before) * 1000)),
            "scheduled" if request.is_scheduled else "at once",
        )
        return f"{ascii_json_text(identity)}\n{'\t'.join(facts)}\n{request.sms(message.id)}"

    @property
    def record_id(self) -> str:
        """Of the record in the queue."""
        return str(self.raw["messageId"])


class SqsSendQueue:
    """A :class:`SendQueue` in SQS: one queue for each kind, so that neither waits for the other.

    Parameters
    ----------
    client
        A boto3 SQS client.
    urls
        Of the queues, by kind.
    """

    def __init__(self, client: "SQSClient", urls: Mapping[MessageType, str]) -> None:
        self._client = client
        self._urls = urls

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """See :class:`SendQueue`."""
        self._client.send_message(
            QueueUrl=self._urls[message.message_type],
            MessageBody=SendRecord.body(message, request),
            DelaySeconds=min(delay_seconds, _MAX_DELAY),
        )

    def postpone(self, waits: Sequence[tuple[SendRecord, int]]) -> None:
        """Hide records for so many seconds. They have to be reported as failed, or Lambda deletes
        them; one that cannot be hidden so comes again after the queue's own visibility timeout.
        """
        for message_type, url in self._urls.items():
            of_a_kind = (one for one in waits if one[0].message_type == message_type)
            for some in batched(of_a_kind, _AT_ONCE, strict=False):
                try:
                    answer = self._client.change_message_visibility_batch(
                        QueueUrl=url,
                        Entries=[
                            {
                                "Id": str(number),
                                "ReceiptHandle": record.raw["receiptHandle"],
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
        self, records: list[dict[str, Any]], report: Report, dead_letters: DeadLetterQueue
    ) -> dict[str, Any]:
        """Tell the outcomes of a batch that Lambda received from the queue, side by side.

        Returns
        -------
        dict
            A partial batch response: what has to be told again stays in the queue, out of sight
            until its time has come. A record that fails in any other way comes again after the
            queue's visibility timeout.
        """
        work = [begin(partial(self._is_done, record, report, dead_letters)) for record in records]
        again = [
            record for record, reported in zip(records, work, strict=True) if not reported.result()
        ]
        return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in again]}

    def _is_done(
        self, record: dict[str, Any], report: Report, dead_letters: DeadLetterQueue
    ) -> bool:
        """Tell one outcome; returns whether its record may leave the queue."""
        try:
            message_id, is_first = _read(record["body"])
            if message_id is None:
                dead_letters.add(record["body"], reason="unreadable")
                return True
            received = int(record["attributes"]["ApproximateReceiveCount"])
            wait = report(message_id, received if is_first else 0)
            if wait is None:
                return True
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=wait,
            )
        except Exception as error:
            # One record must not fail the batch: the others would be told again.
            log_failure("outcome not told", error, record=record["messageId"])
        return False


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


# For so long what was looked at is out of sight, should the looking end early.
_SECONDS_TO_LOOK = 300
_LOOKS_AT_MOST = 10_000


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
