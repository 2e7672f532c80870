"""SQS in memory: at least once, in any order, hidden while somebody works on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from sms_bridge.domain.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass
class _Record:
    body: str
    visible_at: float
    reason: str = ""
    receives: int = 0
    group: str = ""


@dataclass
class InMemorySqs:
    """As much of boto3's SQS client as the bridge uses, on a clock that tests turn.

    Attributes
    ----------
    visibility_timeout
        For how long a record that was received is hidden, in seconds.
    fails
        Says which entries of a batch are not taken.
    repeats
        How often boto3 repeated each call before its answer came.
    """

    clock: Clock
    visibility_timeout: float = 180.0
    queues: dict[str, dict[str, _Record]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    fails: Callable[[dict[str, Any]], bool] = lambda _: False
    repeats: int = 0

    @property
    def client(self) -> "SQSClient":
        """This fake, in place of boto3's client."""
        return cast("SQSClient", self)

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int = 0,
        MessageAttributes: dict[str, Any] | None = None,
        MessageGroupId: str = "",
    ) -> None:
        assert 0 <= DelaySeconds <= 900
        assert len(MessageGroupId) <= 128
        assert all("!" <= one <= "~" for one in MessageGroupId)
        reason = (MessageAttributes or {}).get("reason", {}).get("StringValue", "")
        record = _Record(MessageBody, self.clock() + DelaySeconds, reason, group=MessageGroupId)
        self.queues.setdefault(QueueUrl, {})[f"record-{next(self.numbers)}"] = record

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert sum(len(entry["MessageBody"]) for entry in Entries) <= 1024 * 1024
        failed = [entry["Id"] for entry in Entries if self.fails(entry)]
        for entry in Entries:
            if entry["Id"] not in failed:
                self.send_message(
                    QueueUrl=QueueUrl,
                    MessageBody=entry["MessageBody"],
                    DelaySeconds=entry.get("DelaySeconds", 0),
                    MessageGroupId=entry.get("MessageGroupId", ""),
                )
        return {
            "Failed": [{"Id": one, "Code": "InternalError"} for one in failed],
            "ResponseMetadata": {"RetryAttempts": self.repeats},
        }

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> None:
        assert 0 <= VisibilityTimeout <= 43_200
        record_id, _ = ReceiptHandle.split("/")
        self.queues[QueueUrl][record_id].visible_at = self.clock() + VisibilityTimeout

    def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        done: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            if entry["ReceiptHandle"].partition("/")[0] not in self.queues[QueueUrl]:
                done["Failed"].append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
                continue
            self.change_message_visibility(
                QueueUrl=QueueUrl,
                ReceiptHandle=entry["ReceiptHandle"],
                VisibilityTimeout=entry["VisibilityTimeout"],
            )
            done["Successful"].append({"Id": entry["Id"]})
        return done

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int,
        VisibilityTimeout: int,
        WaitTimeSeconds: int,
    ) -> dict[str, Any]:
        assert 0 <= WaitTimeSeconds <= 20
        assert 1 <= MaxNumberOfMessages <= 10
        records = self.receive(QueueUrl, MaxNumberOfMessages)
        for record in records:
            self.change_message_visibility(
                QueueUrl=QueueUrl,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=VisibilityTimeout,
            )
        return {
            "Messages": [
                {"Body": record["body"], "ReceiptHandle": record["receiptHandle"]}
                for record in records
            ]
        }

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        record_id, _ = ReceiptHandle.split("/")
        self.queues[QueueUrl].pop(record_id, None)

    def receive(self, url: str, most: int = 10) -> list[dict[str, Any]]:
        """Receive what can be seen, as the records of a Lambda event."""
        records: list[dict[str, Any]] = []
        for record_id, record in self.queues.get(url, {}).items():
            if record.visible_at > self.clock() or len(records) == most:
                continue
            record.receives += 1
            record.visible_at = self.clock() + self.visibility_timeout
            records.append(
                {
                    "messageId": record_id,
                    "receiptHandle": f"{record_id}/{record.receives}",
                    "body": record.body,
                    "attributes": {
                        "ApproximateReceiveCount": str(record.receives),
                        **({"MessageGroupId": record.group} if record.group else {}),
                    },
                }
            )
        return records

    def settle(self, url: str, records: list[dict[str, Any]], response: dict[str, Any]) -> None:
        """Delete what a partial batch response does not name, as Lambda does."""
        failed = {one["itemIdentifier"] for one in response["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.queues[url].pop(record["messageId"], None)

    def held_back(self, url: str) -> int:
        """Return how many records of a queue cannot be seen now."""
        return sum(one.visible_at > self.clock() for one in self.queues.get(url, {}).values())

    def repeat(self, url: str) -> None:
        """Deliver everything once more: what is hidden can be seen."""
        for record in self.queues.get(url, {}).values():
            record.visible_at = min(record.visible_at, self.clock())

    def letters(self, url: str) -> list[tuple[str, str]]:
        """Return the bodies in a queue, hidden or not, with the reason of each."""
        return [(one.body, one.reason) for one in self.queues.get(url, {}).values()]
