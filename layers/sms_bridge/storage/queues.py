"""SQS: messages on their way to 8x8, outcomes on their way to MoEngage, and what cannot be done.

A record is JSON with a version. The outcome queue carries ids, and the facts are in the table; the
send queue is the only place where a text is kept.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched, compress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State
from sms_bridge.errors import NotQueuedError
from sms_bridge.observability import log_failure, logger
from sms_bridge.storage.aws import refusal, was_refused_at_once
from sms_bridge.storage.table import as_stored

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from sms_bridge.domain.arrivals import InboundWork, QueuedInbound, QueuedMessage, QueuedOutcome
    from sms_bridge.services.interfaces import DeadLetterQueue

    Client = Callable[[], SQSClient]
    """Makes the client when it is needed: few sends need the queues."""

Record = Mapping[str, Any]
"""A record as Lambda gets it from a queue."""

_VERSION = 1

# SQS's limits.
_AT_ONCE = 10
_MAX_DELAY = 900

_TRIES_OF_AN_ENTRY = 2

UNREADABLE = "unreadable"
"""Why a record is dead-lettered that the bridge did not write."""


def _body(**content: Any) -> str:
    # SQS does not take every character; in ASCII it takes all.
    written = {name: value for name, value in content.items() if value}
    return json.dumps({"version": _VERSION, **written}, separators=(",", ":"))


def _content(body: str) -> dict[str, Any]:
    """Return what a record holds; nothing, if this version of the bridge does not write such."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    is_own = isinstance(content, dict) and content.get("version") == _VERSION
    return content if is_own else {}


def _receives(record: Record) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _batch_response(records: Iterable[Record]) -> dict[str, Any]:
    """Return the partial batch response that leaves these records in their queue."""
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in records]}


# ---------------------------------------------------------------------------------- the send queue
# What a message's log lines and its dispatch take of it, so that nobody reads its item for that.
_OF_A_MESSAGE = (
    "id",
    "sub_account_id",
    "destination",
    "recipient_hash",
    "campaign_id",
    "client_message_id",
    "reply_to",
    "accepted_at",
    "send_before",
)
_OF_A_REQUEST = ("destination", "text", "source", "options")

# SQS's rule for the name of a group.
_GROUP = re.compile(r"[!-~]{1,128}", re.ASCII)


def group_of(message: Message) -> str:
    """Return which messages a message stands in line with: its campaign's, or its sub-account's.

    SQS hands out those of a small group before those of one that keeps the functions busy.
    """
    name = message.campaign_id or message.sub_account_id
    if _GROUP.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


class SqsSendQueue:
    """A :class:`~sms_bridge.services.interfaces.SendQueue` in SQS.

    Each type of messages has a queue of its own, so that neither waits for the other.
    """

    def __init__(self, client: "Client", urls: Mapping[MessageType, str]) -> None:
        self._client = client
        self._urls = urls

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        try:
            self._client().send_message(
                QueueUrl=self._urls[message.message_type],
                **_send_parameters(message, request, delay_seconds),
            )
        except ClientError as error:
            if was_refused_at_once(error):
                raise NotQueuedError from error
            raise

    def add_all(self, some: Sequence[tuple[Message, MessageRequest, int]]) -> set[str]:
        failed: set[str] = set()
        for message_type, url in self._urls.items():
            of_a_type = (one for one in some if one[0].message_type is message_type)
            # Ten of the largest messages are within what SQS takes in one call.
            for ten in batched(of_a_type, _AT_ONCE):
                entries: list[Any] = [{"Id": one[0].id, **_send_parameters(*one)} for one in ten]
                failed |= self._send_ten(url, entries)
        return failed

    def _send_ten(self, url: str, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> set[str]:
        """Send records, those that SQS does not take a second time.

        Returns the ids of those that no try can have put into the queue.
        """
        is_certain = True
        for _ in range(_TRIES_OF_AN_ENTRY):
            try:
                answer = self._client().send_message_batch(QueueUrl=url, Entries=entries)
            except Exception as error:
                log_failure("messages not queued", error, messages=len(entries))
                is_certain &= isinstance(error, ClientError) and was_refused_at_once(error)
                break
            # Of what boto3 repeats, an earlier try may have put all into the queue.
            is_certain &= answer["ResponseMetadata"]["RetryAttempts"] == 0
            failed = {one["Id"]: one for one in answer.get("Failed", [])}
            entries = [one for one in entries if one["Id"] in failed]
            if not entries:
                break
        else:
            for message_id, entry in failed.items():
                refused = refusal(entry, answer)
                log_failure("message not queued", refused, message_id=message_id)
        return {one["Id"] for one in entries} if is_certain else set()

    def work_through(
        self,
        records: Iterable[Record],
        dispatch: Callable[["Sequence[QueuedMessage]"], "Iterable[QueuedMessage]"],
        dead_letters: "DeadLetterQueue",
    ) -> dict[str, Any]:
        """Dispatch a batch that Lambda received from the queue; returns a partial batch response.

        ``dispatch`` returns the messages whose records stay in the queue.
        """
        queued, stay = [], []
        for record in records:
            if one := _queued_message(record):
                queued.append(one)
            elif not dead_letters.move(record, reason=UNREADABLE):
                stay.append(record)
        stay += [one.record for one in dispatch(queued)]
        return _batch_response(stay)

    def postpone(self, waits: "Sequence[tuple[QueuedMessage, int]]") -> None:
        for message_type, url in self._urls.items():
            of_a_type = (one for one in waits if one[0].message.message_type is message_type)
            for some in batched(of_a_type, _AT_ONCE):
                try:
                    answer = self._client().change_message_visibility_batch(
                        QueueUrl=url,
                        Entries=[
                            {
                                "Id": str(number),
                                "ReceiptHandle": queued.record["receiptHandle"],
                                "VisibilityTimeout": seconds,
                            }
                            for number, (queued, seconds) in enumerate(some)
                        ],
                    )
                    for failed in answer.get("Failed", []):
                        refused = refusal(failed, answer)
                        message_id = some[int(failed["Id"])][0].message.id
                        log_failure("record not postponed", refused, message_id=message_id)
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
        "DelaySeconds": min(delay_seconds, _MAX_DELAY),
        "MessageGroupId": group_of(message),
    }


def _queued_message(record: Record) -> "QueuedMessage | None":
    from sms_bridge.domain.arrivals import QueuedMessage

    content = _content(record["body"])
    try:
        message_type = MessageType(content["messageType"])
        # What a later version adds is passed over.
        facts, asked = (
            {name: value for name, value in content[part].items() if name in names}
            for part, names in (("message", _OF_A_MESSAGE), ("request", _OF_A_REQUEST))
        )
        texts = [*facts.values(), asked["destination"], asked["text"], asked.get("source") or ""]
        texts += asked.get("options", {}).values()
        facts |= {name: seconds_of(facts[name]) for name in ("accepted_at", "send_before")}
        message = Message(state=State.WAITING, message_type=message_type, **facts)
        request = MessageRequest(
            sub_account_id=message.sub_account_id, message_type=message_type, **asked
        )
        is_whole = message.id and message.accepted_at and message.send_before
        if not (is_whole and request.destination and all(isinstance(one, str) for one in texts)):
            return None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return QueuedMessage(message, request, _receives(record), record)


# ------------------------------------------------------------------------------- the outcome queue
class SqsOutcomeQueue:
    """An :class:`~sms_bridge.services.interfaces.OutcomeQueue` in SQS."""

    def __init__(self, client: "Client", url: str, *, once: "Client | None" = None) -> None:
        self._client = client
        self._url = url
        self._once = once
        """A client that never repeats a call. Without it no record holds a lease."""

    def add(self, message_id: str, *, delay_seconds: int = 0, lease: str = "") -> None:
        if lease and self._once:
            try:
                body = _body(messageId=message_id, lease=lease)
                self._send(self._once, body, delay_seconds)
                return
            except Exception as error:
                # It may be in the queue all the same. A second record with the lease would be
                # reported side by side with it.
                log_failure("outcome not queued at once", error, message_id=message_id)
        self._send(self._client, _body(messageId=message_id), delay_seconds)

    def add_inbound(self, inbound_id: str, work: "InboundWork") -> None:
        self._send(self._client, _body(inboundId=inbound_id, work=work.value))

    def _send(self, client: "Client", body: str, delay_seconds: int = 0) -> None:
        client().send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)

    def work_through(
        self,
        records: Sequence[Record],
        handle: Callable[["QueuedOutcome | QueuedInbound"], int | None],
        dead_letters: "DeadLetterQueue",
    ) -> dict[str, Any]:
        """Handle the records of a batch that Lambda received from the queue, side by side.

        By the partial batch response that is returned, what has to be handled again stays in the
        queue, out of sight until its time has come. A record that fails in any other way comes
        again after the queue's visibility timeout. ``handle`` returns the seconds after which it is
        handled again, ``None`` when it is done.
        """

        def stays(record: Record) -> bool:
            try:
                queued = _queued_outcome(record)
                if queued is None:
                    return not dead_letters.move(record, reason=UNREADABLE)
                wait = handle(queued)
                if wait is None:
                    return False
                self._client().change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=wait,
                )
            except Exception as error:
                # One record must not fail the batch: the others would be reported again.
                log_failure("outcome not reported", error, record=record["messageId"])
            return True

        with ThreadPoolExecutor(max(1, len(records))) as pool:
            return _batch_response(compress(records, pool.map(stays, records)))


def _queued_outcome(record: Record) -> "QueuedOutcome | QueuedInbound | None":
    from sms_bridge.domain.arrivals import InboundWork, QueuedInbound, QueuedOutcome

    body = record["body"]
    match _content(body):
        case {"messageId": str(message_id), **rest} if message_id:
            return QueuedOutcome(message_id, str(rest.get("lease", "")), _receives(record), body)
        case {"inboundId": str(inbound_id), "work": str(work)} if (
            inbound_id and work in InboundWork
        ):
            return QueuedInbound(inbound_id, InboundWork(work), body)
    return None


# --------------------------------------------------------------------------- the dead-letter queues
class SqsDeadLetterQueue:
    """A :class:`~sms_bridge.services.interfaces.DeadLetterQueue` in SQS."""

    def __init__(self, client: "Client", url: str) -> None:
        self._client = client
        self._url = url

    def add(self, body: str, *, reason: str) -> None:
        self._client().send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def move(self, record: Record, *, reason: str) -> bool:
        logger.error("record dead-lettered", record=record["messageId"], reason=reason)
        try:
            self.add(record["body"], reason=reason)
        except Exception as error:
            log_failure("record not dead-lettered", error, record=record["messageId"])
            return False
        return True
