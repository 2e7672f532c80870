"""SQS in memory: at least once, in any order, hidden while somebody works on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import Clock
from sms_bridge.storage.aws import AwsClients

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Content = dict[str, Any]


@dataclass(eq=False)
class Record:
    """A record in a queue.

    Attributes
    ----------
    shown_at
        From when on it can be received.
    handle
        Of the last time it was received; an earlier one is no longer good.
    """

    record_id: str
    body: str
    sent_at: float
    shown_at: float
    reason: str = ""
    group: str = ""
    handle: str = ""
    received: int = 0

    @property
    def of_event(self) -> Content:
        """The record as it stands in a Lambda event."""
        return {
            "messageId": self.record_id,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.received),
                **({"MessageGroupId": self.group} if self.group else {}),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


@dataclass(eq=False)
class Queue:
    """A standard queue.

    Attributes
    ----------
    visibility, retention
        Its settings, seconds.
    dead_letters, max_received
        Its redrive policy.
    mix
        Brings records into the order in which they are received.
    heard
        Is told a record's body, and what becomes of it.
    on_shown
        Is told when a record can be received.
    """

    name: str
    now: Clock
    visibility: float = 180.0
    retention: float = inf
    dead_letters: "Queue | None" = None
    max_received: int = 1000
    mix: Callable[[list[Record]], None] = lambda _: None
    heard: Callable[[str, str], None] = lambda *_: None
    on_shown: Callable[[float], None] = lambda _: None
    records: dict[str, Record] = field(default_factory=dict)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"https://sqs.us-east-1.amazonaws.com/123456789012/{self.name}"

    def send(self, body: str, *, delay: float = 0.0, reason: str = "", group: str = "") -> str:
        """Put a record in; returns its id."""
        self.sent += 1
        record_id = f"{self.name}-{self.sent}"
        now = self.now()
        self.records[record_id] = Record(record_id, body, now, now + delay, reason, group)
        self.heard(body, f"{record_id} queued, shown in {delay:.0f} s {reason}")
        self.on_shown(now + delay)
        return record_id

    def receive(self, most: int, visibility: float | None = None) -> list[Record]:
        """Take records that can be seen; they are out of sight from then on."""
        now = self.now()
        for record in list(self.records.values()):
            if now - record.sent_at > self.retention:
                self.heard(record.body, f"{record.record_id} dropped: its retention is over")
                del self.records[record.record_id]
        shown = [record for record in self.records.values() if record.shown_at <= now]
        self.mix(shown)
        taken = []
        for record in shown[:most]:
            if record.received >= self.max_received and self.dead_letters:
                del self.records[record.record_id]
                self.dead_letters.send(record.body)
                continue
            record.received += 1
            record.handle = f"{record.record_id}/{record.received}"
            record.shown_at = now + (self.visibility if visibility is None else visibility)
            self.on_shown(record.shown_at)
            taken.append(record)
        return taken

    def show_again(self, handle: str, seconds: float) -> None:
        """Change for how long a record is out of sight."""
        now = self.now()
        record = self.records.get(handle.rpartition("/")[0])
        if record is None or record.handle != handle or record.shown_at <= now:
            raise _refusal("MessageNotInflight")
        if not 0 <= seconds <= 43_200:
            raise _refusal("InvalidParameterValue")
        record.shown_at = now + seconds
        self.on_shown(record.shown_at)

    def delete(self, handle: str) -> None:
        """Delete a record. An old handle deletes nothing, and says nothing."""
        record = self.records.get(handle.rpartition("/")[0])
        if record is not None and record.handle == handle:
            del self.records[record.record_id]


@dataclass
class InMemorySqs:
    """As much of boto3's SQS client as the bridge uses.

    Attributes
    ----------
    queues
        By URL; one that is asked for and not there is made.
    fails
        Says which entries of a batch are not taken.
    repeats
        How often boto3 repeated each call before its answer came.
    """

    clock: Clock
    queues: dict[str, Queue] = field(default_factory=dict)
    fails: Callable[[Content], bool] = lambda _: False
    repeats: int = 0

    @property
    def client(self) -> "SQSClient":
        """This fake, in place of boto3's client."""
        return cast("SQSClient", self)

    @property
    def aws(self) -> AwsClients:
        """This fake, in place of both of a function's clients of SQS."""
        return clients_of_sqs(self.client)

    def queue(self, url: str) -> Queue:
        return self.queues.setdefault(url, Queue(url, self.clock))

    # ------------------------------------------------------------------------------ as boto3 has it
    def send_message(self, *, QueueUrl: str, **record: Any) -> Content:
        return {"MessageId": _send(self.queue(QueueUrl), **record)}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Content]) -> Content:
        if sum(len(entry["MessageBody"]) for entry in Entries) > 1024 * 1024:
            raise _refusal("BatchRequestTooLong")
        queue = self.queue(QueueUrl)

        def send(entry: Content) -> None:
            if self.fails(entry):
                raise _refusal("InternalError")
            _send(queue, **{name: entry[name] for name in entry.keys() - {"Id"}})

        return self._each(Entries, send)

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Content:
        self.queue(QueueUrl).show_again(ReceiptHandle, VisibilityTimeout)
        return {}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Content]) -> Content:
        queue = self.queue(QueueUrl)
        return self._each(
            Entries, lambda one: queue.show_again(one["ReceiptHandle"], one["VisibilityTimeout"])
        )

    def _each(self, entries: list[Content], do: Callable[[Content], None]) -> Content:
        """Do each entry of a batch for itself."""
        if not 1 <= len(entries) <= 10 or len({one["Id"] for one in entries}) < len(entries):
            raise _refusal("InvalidBatchEntry")
        metadata = {"RetryAttempts": self.repeats, "RequestId": "R-1"}
        answer: Content = {"Successful": [], "Failed": [], "ResponseMetadata": metadata}
        for entry in entries:
            try:
                do(entry)
            except ClientError as error:
                failed = {"Id": entry["Id"], "SenderFault": False, **error.response["Error"]}
                answer["Failed"].append(failed)
            else:
                answer["Successful"].append({"Id": entry["Id"]})
        return answer

    # ------------------------------------------------------------------------ for Lambda and tests
    def receive(self, url: str, most: int = 10) -> list[Content]:
        """Receive what can be seen, as the records of a Lambda event."""
        return [record.of_event for record in self.queue(url).receive(most)]

    def settle(self, url: str, records: list[Content], response: Content) -> None:
        """Delete what a partial batch response does not name, as Lambda does."""
        failed = {one["itemIdentifier"] for one in response["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.queue(url).delete(record["receiptHandle"])

    def hidden_for(self, url: str) -> list[float]:
        """Return for how long each record of a queue cannot be seen."""
        shown_at = (record.shown_at for record in self.queue(url).records.values())
        return [max(0.0, at - self.clock()) for at in shown_at]

    def repeat(self, url: str) -> None:
        """Deliver everything once more: what is hidden can be seen."""
        for record in self.queue(url).records.values():
            record.shown_at = min(record.shown_at, self.clock())

    def letters(self, url: str) -> list[tuple[str, str]]:
        """Return the bodies in a queue, hidden or not, with the reason of each."""
        return [(one.body, one.reason) for one in self.queue(url).records.values()]


def clients_of_sqs(client: Any, once: Any = None) -> AwsClients:
    """Return as much of a function's clients as the queues use."""
    return cast("AwsClients", SimpleNamespace(sqs=client, sqs_once=once or client))


def _send(
    queue: Queue,
    *,
    MessageBody: str,
    DelaySeconds: int = 0,
    MessageAttributes: Content | None = None,
    MessageGroupId: str = "",
) -> str:
    is_group = len(MessageGroupId) <= 128 and all("!" <= one <= "~" for one in MessageGroupId)
    if not (is_group and 0 <= DelaySeconds <= 900):
        raise _refusal("InvalidParameterValue")
    reason = (MessageAttributes or {}).get("reason", {}).get("StringValue", "")
    return queue.send(MessageBody, delay=DelaySeconds, reason=reason, group=MessageGroupId)


def _refusal(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "of SQS")
