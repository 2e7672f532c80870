"""SQS: messages on their way to 8x8, outcomes on their way to MoEngage, and what cannot be done.

A record is JSON with a version. The outcome queue carries ids, and the facts are in the table; the
send queue is the only place where a text is kept.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched, compress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State
from sms_bridge.errors import NotQueuedError
from sms_bridge.observability import log_failure, logger
from sms_bridge.storage.aws import refusal, was_refused_at_once
from sms_bridge.storage.table import as_stored

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from sms_bridge.domain.arrivals import InboundWork, QueuedInbound, QueuedMessage, QueuedOutcome
    from sms_bridge.services.interfaces import DeadLetterQueue
    from sms_bridge.storage.aws import AwsClients

Record = Mapping[str, Any]
"""A record as Lambda gets it from a queue."""

_VERSION = 1

# SQS takes no more in one call, and hands out no more.
_AT_ONCE = 10


def _body(**content: Any) -> str:
    # SQS does not take every character; in ASCII it takes all.
    written = {name: value for name, value in content.items() if value}
    return json.dumps({"version": _VERSION, **written}, separators=(",", ":"))


def _work_through[Queued: "QueuedMessage | QueuedOutcome | QueuedInbound"](
    records: Iterable[Record],
    read: Callable[[dict[str, Any], Record, int], Queued],
    work: Callable[[list[Queued]], Iterable[Queued]],
    dead_letters: "DeadLetterQueue",
) -> dict[str, Any]:
    """Work on a batch that Lambda received; return the partial batch response.

    ``work`` returns what stays in the queue. A record that this version of the bridge does not
    write is dead-lettered alone.
    """
    queued, stay = [], []
    for record in records:
        try:
            content = json.loads(record["body"])
            if content["version"] != _VERSION:
                raise ValueError
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            queued.append(read(content, record, receives))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            if not dead_letters.move(record, reason="unreadable"):
                stay.append(record)
    stay += [one.record for one in work(queued)]
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in stay]}


# ---------------------------------------------------------------------------------- the send queue
# What a message's log lines and its dispatch take of it, so that nobody reads its item for that.
_OF_A_MESSAGE = (
    "id",
    "sub_account_id",
    "destination",
    "recipient_hash",
    "campaign_id",
    "reply_to",
    "accepted_at",
    "send_before",
)
_OF_A_REQUEST = ("destination", "text", "source", "options", "callback_url")


def group_of(message: Message) -> str:
    """Return which messages a message stands in line with: its campaign's, or its sub-account's.

    SQS hands out those of a small group before those of one that keeps the functions busy. It takes
    128 characters of ASCII.
    """
    return quote(message.campaign_id or message.sub_account_id, errors="replace")[:128]


class SqsSendQueue:
    """A :class:`~sms_bridge.services.interfaces.SendQueue` in SQS.

    Each type of messages has a queue of its own, so that neither waits for the other.
    """

    def __init__(self, aws: "AwsClients", urls: Mapping[MessageType, str]) -> None:
        self._aws = aws
        self._urls = urls

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        url = self._urls[message.message_type]
        parameters = _send_parameters(message, request, delay_seconds)
        try:
            self._aws.sqs.send_message(QueueUrl=url, **parameters)
        except Exception as error:
            if was_refused_at_once(error):
                raise NotQueuedError from error
            raise

    def add_all(self, some: Sequence[tuple[Message, MessageRequest, int]]) -> set[str]:
        first = self._add_once(some)
        again = self._add_once([one for one in some if one[0].id in first])
        return {one for one, is_certain in again.items() if is_certain and first[one]}

    def _add_once(self, some: Sequence[tuple[Message, MessageRequest, int]]) -> dict[str, bool]:
        """Return the ids of those that SQS refused, and whether they are certainly not there."""
        failed: dict[str, bool] = {}
        for message_type, url in self._urls.items():
            of_a_type = (one for one in some if one[0].message_type is message_type)
            # Ten of the largest messages are within what SQS takes in one call.
            for ten in batched(of_a_type, _AT_ONCE):
                entries: list[Any] = [{"Id": one[0].id, **_send_parameters(*one)} for one in ten]
                try:
                    answer = self._aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
                except Exception as error:
                    log_failure("messages not queued", error, messages=len(entries))
                    if was_refused_at_once(error):
                        failed |= {entry["Id"]: True for entry in entries}
                    continue
                # Of what boto3 repeats, an earlier try may have put all into the queue.
                is_certain = answer["ResponseMetadata"]["RetryAttempts"] == 0
                for one in answer.get("Failed", []):
                    log_failure("message not queued", refusal(one, answer), message_id=one["Id"])
                    failed[one["Id"]] = is_certain
        return failed

    def work_through(
        self,
        records: Iterable[Record],
        dispatch: Callable[["Sequence[QueuedMessage]"], "Iterable[QueuedMessage]"],
        dead_letters: "DeadLetterQueue",
    ) -> dict[str, Any]:
        """Dispatch a batch that Lambda received; returns the partial batch response."""
        return _work_through(records, _queued_message, dispatch, dead_letters)

    def postpone(self, waits: "Sequence[tuple[QueuedMessage, int]]") -> None:
        for message_type, url in self._urls.items():
            of_a_type = (one for one in waits if one[0].message.message_type is message_type)
            for some in batched(of_a_type, _AT_ONCE):
                try:
                    answer = self._aws.sqs.change_message_visibility_batch(
                        QueueUrl=url,
                        Entries=[
                            {
                                # SQS may deliver a record twice at once, and takes no id twice.
                                "Id": str(number),
                                "ReceiptHandle": queued.record["receiptHandle"],
                                "VisibilityTimeout": seconds,
                            }
                            for number, (queued, seconds) in enumerate(some)
                        ],
                    )
                    for one in answer.get("Failed", []):
                        record = some[int(one["Id"])][0].record["messageId"]
                        log_failure("record not postponed", refusal(one, answer), record=record)
                except Exception as error:
                    log_failure("records not postponed", error)


def _send_parameters(
    message: Message, request: MessageRequest, delay_seconds: int
) -> dict[str, Any]:
    return {
        "MessageBody": _body(
            messageType=message.message_type.value,
            message={name: as_stored(getattr(message, name)) for name in _OF_A_MESSAGE},
            request={name: getattr(request, name) for name in _OF_A_REQUEST},
        ),
        "DelaySeconds": delay_seconds,
        "MessageGroupId": group_of(message),
    }


def _queued_message(content: dict[str, Any], record: Record, receives: int) -> "QueuedMessage":
    from sms_bridge.domain.arrivals import QueuedMessage

    message_type = MessageType(content["messageType"])
    # What a later version adds is passed over.
    facts = {name: value for name, value in content["message"].items() if name in _OF_A_MESSAGE}
    asked = {name: value for name, value in content["request"].items() if name in _OF_A_REQUEST}
    texts = [*facts.values(), asked["destination"], asked["text"], asked.get("source") or ""]
    texts += [asked.get("callback_url", ""), *asked.get("options", {}).values()]
    if not (facts["id"] and all(isinstance(one, str) for one in texts)):
        raise TypeError
    facts |= {name: seconds_of(facts[name]) for name in ("accepted_at", "send_before")}
    message = Message(state=State.WAITING, message_type=message_type, **facts)
    request = MessageRequest(
        sub_account_id=message.sub_account_id, message_type=message_type, **asked
    )
    return QueuedMessage(message, request, receives, record)


# ------------------------------------------------------------------------------- the outcome queue
class SqsOutcomeQueue:
    """An :class:`~sms_bridge.services.interfaces.OutcomeQueue` in SQS."""

    def __init__(self, aws: "AwsClients", url: str) -> None:
        self._aws = aws
        self._url = url

    def add(self, message_id: str, *, delay_seconds: int = 0, lease: str = "") -> None:
        if lease:
            try:
                body = _body(messageId=message_id, lease=lease)
                self._send(self._aws.sqs_once, body, delay_seconds)
                return
            except Exception as error:
                # It may be in the queue all the same. A second record with the lease would be
                # reported side by side with it.
                log_failure("outcome not queued at once", error, message_id=message_id)
        self._send(self._aws.sqs, _body(messageId=message_id), delay_seconds)

    def add_inbound(self, inbound_id: str, work: "InboundWork") -> None:
        self._send(self._aws.sqs, _body(inboundId=inbound_id, work=work.value))

    def _send(self, client: "SQSClient", body: str, delay_seconds: int = 0) -> None:
        client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)

    def work_through(
        self,
        records: Sequence[Record],
        handle: Callable[["QueuedOutcome | QueuedInbound"], int | None],
        dead_letters: "DeadLetterQueue",
    ) -> dict[str, Any]:
        """Handle a batch that Lambda received, side by side; returns the partial batch response.

        ``handle`` returns the seconds after which it is handled again, ``None`` when it is done. A
        record that fails in any other way comes again after the queue's visibility timeout.
        """

        def stays(queued: "QueuedOutcome | QueuedInbound") -> bool:
            try:
                wait = handle(queued)
                if wait is None:
                    return False
                self._aws.sqs.change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=queued.record["receiptHandle"],
                    VisibilityTimeout=wait,
                )
            except Exception as error:
                # One record must not fail the batch: the others would be reported again.
                log_failure("outcome not reported", error, record=queued.record["messageId"])
            return True

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return _work_through(
                records,
                _queued_outcome,
                lambda queued: compress(queued, pool.map(stays, queued)),
                dead_letters,
            )


def _queued_outcome(
    content: dict[str, Any], record: Record, receives: int
) -> "QueuedOutcome | QueuedInbound":
    from sms_bridge.domain.arrivals import InboundWork, QueuedInbound, QueuedOutcome

    match content:
        case {"inboundId": str(inbound_id), "work": work} if inbound_id:
            return QueuedInbound(inbound_id, InboundWork(work), record)
        case {"messageId": str(message_id)} if message_id:
            return QueuedOutcome(message_id, content.get("lease", ""), receives, record)
    raise ValueError


# --------------------------------------------------------------------------- the dead-letter queues
class SqsDeadLetterQueue:
    """A :class:`~sms_bridge.services.interfaces.DeadLetterQueue` in SQS."""

    def __init__(self, aws: "AwsClients", url: str) -> None:
        self._aws = aws
        self._url = url

    def add(self, record: Record, *, reason: str) -> None:
        self._aws.sqs.send_message(
            QueueUrl=self._url,
            MessageBody=record["body"],
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def move(self, record: Record, *, reason: str) -> bool:
        logger.error("record dead-lettered", record=record["messageId"], reason=reason)
        try:
            self.add(record, reason=reason)
        except Exception as error:
            log_failure("record not dead-lettered", error, record=record["messageId"])
            return False
        return True
