"""A small SQS: visibility, delays, receive counts, dead-letter queues, and records in any order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from botocore.awsrequest import AWSPreparedRequest

from tests.chaos.aws import Content, RefusedError

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
        self.url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"
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
            raise RefusedError("MessageNotInflight")
        if not 0 <= seconds <= _MAX_VISIBILITY:
            raise RefusedError("InvalidParameterValue")
        record.shown_at = now + seconds
        self.on_shown(record.shown_at)

    def delete(self, handle: str) -> None:
        """Delete a record. An old handle deletes nothing, and says nothing."""
        record = self.records.get(handle.rpartition("/")[0])
        if record is not None and record.handle == handle:
            del self.records[record.record_id]


class Sqs:
    """Answers SQS's operations.

    Parameters
    ----------
    refuses
        Whether one of the records that are sent together is not taken.
    """

    def __init__(
        self, queues: Iterable[Queue], *, refuses: Callable[[], bool] = lambda: False
    ) -> None:
        self._queues = {queue.url: queue for queue in queues}
        self._refuses = refuses

    def __call__(self, operation: str, content: Content, _: AWSPreparedRequest) -> Content:
        """Answer an operation."""
        queue = self._queues[content["QueueUrl"]]
        match operation:
            case "SendMessage":
                return _send(queue, content)
            case "SendMessageBatch":
                return self._send_many(queue, content["Entries"])
            case "ChangeMessageVisibility":
                queue.show_again(content["ReceiptHandle"], content["VisibilityTimeout"])
                return {}
            case "ChangeMessageVisibilityBatch":
                return _show_again(queue, content["Entries"])
        raise RefusedError("UnsupportedOperation")

    def _send_many(self, queue: Queue, entries: list[Content]) -> Content:
        _check_entries(entries)
        done: Content = {"Successful": [], "Failed": []}
        for entry in entries:
            if self._refuses():
                failed = {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"}
                done["Failed"].append(failed)
                continue
            done["Successful"].append({"Id": entry["Id"], **_send(queue, entry)})
        return done


def _check_entries(entries: list[Content]) -> None:
    if not 1 <= len(entries) <= 10 or len({one["Id"] for one in entries}) < len(entries):
        raise RefusedError("InvalidBatchEntry")


def _send(queue: Queue, content: Content) -> Content:
    delay = content.get("DelaySeconds", 0)
    if not 0 <= delay <= _MAX_DELAY:
        raise RefusedError("InvalidParameterValue")
    attributes = {
        name: attribute["StringValue"]
        for name, attribute in content.get("MessageAttributes", {}).items()
    }
    return {"MessageId": queue.send(content["MessageBody"], delay=delay, **attributes)}


def _show_again(queue: Queue, entries: list[Content]) -> Content:
    """Change for how long many records are out of sight, each for itself."""
    _check_entries(entries)
    done: Content = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            queue.show_again(entry["ReceiptHandle"], entry["VisibilityTimeout"])
            done["Successful"].append({"Id": entry["Id"]})
        except RefusedError as error:
            failed = {"Id": entry["Id"], "SenderFault": True, "Code": str(error)}
            done["Failed"].append(failed)
    return done
