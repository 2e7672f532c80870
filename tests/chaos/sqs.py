"""A small SQS: visibility, delays, receive counts, dead-letter queues, and records in any order."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from tests.chaos.aws import client_error
from tests.chaos.dynamodb import Call

_MAX_DELAY = 900
_MAX_VISIBILITY = 43_200


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
    attributes: dict[str, str]
    sent_at: float
    shown_at: float
    handle: str = ""
    received: int = 0


class Queue:
    """A standard queue.

    Parameters
    ----------
    visibility, retention
        Its settings, seconds.
    max_received, dead_letters
        Its redrive policy.
    """

    def __init__(
        self,
        name: str,
        now: Callable[[], float],
        random: Random,
        *,
        visibility: float,
        retention: float,
        dead_letters: "Queue | None" = None,
        max_received: int = 1000,
        heard: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self.name = name
        self.url = f"https://sqs.invalid/{name}"
        self.records: dict[str, Record] = {}
        self.on_shown: Callable[[float], None] = lambda _: None
        self._now = now
        self._random = random
        self._visibility = visibility
        self._retention = retention
        self._dead_letters = dead_letters
        self._max_received = max_received
        self._heard = heard
        self._count = 0

    def send(self, body: str, *, delay: float = 0.0, **attributes: str) -> str:
        """Put a record in."""
        self._count += 1
        record_id = f"{self.name}-{self._count}"
        now = self._now()
        self.records[record_id] = Record(record_id, body, attributes, now, now + delay)
        self._heard(body, f"{record_id} queued, shown in {delay:.0f} s {attributes or ''}")
        self.on_shown(now + delay)
        return record_id

    def receive(self, most: int) -> list[Record]:
        """Take records that can be seen, in no order; they are out of sight from then on."""
        now = self._now()
        for record in list(self.records.values()):
            if now - record.sent_at > self._retention:
                self._heard(record.body, f"{record.record_id} dropped: its retention is over")
                del self.records[record.record_id]
        shown = [record for record in self.records.values() if record.shown_at <= now]
        self._random.shuffle(shown)
        taken = []
        for record in shown[:most]:
            if record.received >= self._max_received and self._dead_letters:
                del self.records[record.record_id]
                self._dead_letters.send(record.body)
                continue
            record.received += 1
            record.handle = f"{record.record_id}/{record.received}"
            record.shown_at = now + self._visibility
            self.on_shown(record.shown_at)
            taken.append(record)
        return taken

    def show_again(self, handle: str, seconds: float) -> None:
        """Change for how long a record is out of sight."""
        now = self._now()
        record = self.records.get(handle.rpartition("/")[0])
        if record is None or record.handle != handle or record.shown_at <= now:
            raise client_error("MessageNotInflight", "ChangeMessageVisibility")
        if not 0 <= seconds <= _MAX_VISIBILITY:
            raise client_error("InvalidParameterValue", "ChangeMessageVisibility")
        record.shown_at = now + seconds
        self.on_shown(record.shown_at)

    def delete(self, handle: str) -> None:
        """Delete a record. An old handle deletes nothing, and says nothing."""
        record = self.records.get(handle.rpartition("/")[0])
        if record is not None and record.handle == handle:
            del self.records[record.record_id]


class SqsClient:
    """boto3's SQS client, as far as the bridge uses it."""

    def __init__(self, queues: list[Queue], call: Call) -> None:
        self._queues = {queue.url: queue for queue in queues}
        self._call = call

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int = 0,
        MessageAttributes: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Put a record into a queue."""
        if not 0 <= DelaySeconds <= _MAX_DELAY:
            raise client_error("InvalidParameterValue", "SendMessage")
        attributes = {
            name: attribute["StringValue"] for name, attribute in (MessageAttributes or {}).items()
        }
        queue = self._queues[QueueUrl]
        record_id = self._call(
            "SendMessage", lambda: queue.send(MessageBody, delay=DelaySeconds, **attributes)
        )
        return {"MessageId": record_id}

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,
        ReceiptHandle: str,
        VisibilityTimeout: int,
    ) -> None:
        """Change for how long a record is out of sight."""
        if not isinstance(VisibilityTimeout, int):
            raise client_error("InvalidParameterValue", "ChangeMessageVisibility")
        queue = self._queues[QueueUrl]
        self._call(
            "ChangeMessageVisibility", lambda: queue.show_again(ReceiptHandle, VisibilityTimeout)
        )

    def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Change it for many records, each for itself."""
        if not 1 <= len(Entries) <= 10 or len({one["Id"] for one in Entries}) < len(Entries):
            raise client_error("InvalidBatchEntry", "ChangeMessageVisibilityBatch")
        queue = self._queues[QueueUrl]

        def work() -> dict[str, Any]:
            done: dict[str, Any] = {"Successful": [], "Failed": []}
            for entry in Entries:
                try:
                    queue.show_again(entry["ReceiptHandle"], entry["VisibilityTimeout"])
                    done["Successful"].append({"Id": entry["Id"]})
                except ClientError as error:
                    failed = {"Id": entry["Id"], "SenderFault": True, **error.response["Error"]}
                    done["Failed"].append(failed)
            return done

        answer: dict[str, Any] = self._call("ChangeMessageVisibilityBatch", work)
        return answer
