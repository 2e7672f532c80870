"""Messages on their way to 8x8, in SQS: the only place where a text is kept."""

from collections.abc import Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any, Protocol

from sms_bridge.clock import seconds_of
from sms_bridge.json_text import ascii_json_text
from sms_bridge.logs import log_failure
from sms_bridge.rules.identity import identity_of
from sms_bridge.rules.messages import Message, MessageKind, MessageRequest, Sms
from sms_bridge.storage.aws_calls import error_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10
"""SQS's limit."""

_KINDS = frozenset(MessageKind)

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
    kind: str
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
        message_id, kind, account, recipient_hash, accepted, before, when = facts.split("\t")
        self.message_id, self.kind = message_id, kind
        self.sub_account_id, self.recipient_hash = account, recipient_hash
        self.accepted_at, self.send_before = int(accepted) / 1000, int(before) / 1000
        self.is_scheduled = when == "scheduled"
        if not message_id or kind not in _KINDS:
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
            message.kind.value,
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


class SendQueue(Protocol):
    """Takes messages that are to be sent later."""

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
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

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """See :class:`SendQueue`."""
        self._client.send_message(
            QueueUrl=self._urls[message.kind],
            MessageBody=SendRecord.body(message, request),
            DelaySeconds=min(delay_seconds, _MAX_DELAY),
        )

    def postpone(self, waits: Sequence[tuple[SendRecord, int]]) -> None:
        """Hide records for so many seconds. They have to be reported as failed, or Lambda deletes
        them; one that cannot be hidden so comes again after the queue's own visibility timeout.
        """
        for kind, url in self._urls.items():
            of_a_kind = (one for one in waits if one[0].kind == kind)
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
