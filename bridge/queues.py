"""The stack's queues; `sms-bridge redrive` and `replay`, which put back what was given up."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from math import inf
from types import SimpleNamespace
from typing import Annotated, Any

from typer import Argument, BadParameter, Option

from bridge.options import DoIt, Since
from bridge.stack import Stack
from bridge.terminal import columns, progress, read_since, say_result
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import NOT_WITH_8X8, Message
from sms_bridge.errors import UnreadableItemError
from sms_bridge.storage.queues import SqsOutcomeQueue, group_of

WORK_QUEUES = ("TransactionalQueue", "PromotionalQueue", "OutcomeQueue")
DEAD_LETTER_QUEUES = ("SendDeadLetterQueue", "OutcomeDeadLetterQueue")
QUEUES = (*WORK_QUEUES, *DEAD_LETTER_QUEUES)
RECEIVED_TOO_OFTEN = "received_too_often"  # why SQS itself moves a record there

# A record that is looked at is out of sight for so long, unless it is put back before.
_SECONDS_TO_LOOK = 300
_SECONDS_TO_WAIT = 1  # without waiting, SQS asks only some of its servers
_SHOWN = 20

Record = Mapping[str, Any]


def depth_of(stack: Stack, queue: str) -> dict[str, int]:
    """Return how many records a queue holds: to be worked on now, later, and being worked on."""
    kinds = {"ready": "", "heldBack": "Delayed", "inWork": "NotVisible"}
    attributes = stack.queues[queue]
    return {
        name: int(attributes[f"ApproximateNumberOfMessages{kind}"]) for name, kind in kinds.items()
    }


def _look_through(stack: Stack, queue: str, looks: int) -> Iterator[Record]:
    """Receive the records of a queue; those that were not deleted are back in it afterwards."""
    client, url = stack.aws.client("sqs"), stack.resource(queue)
    looked_at: list[Record] = []
    try:
        for _ in range(looks):
            records = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_SECONDS_TO_LOOK,
                WaitTimeSeconds=_SECONDS_TO_WAIT,
                MessageAttributeNames=["reason"],
            ).get("Messages", [])
            if not records:
                break
            looked_at += records
            yield from records
    finally:
        for record in looked_at:
            # It may be deleted, and else comes back by itself.
            with suppress(client.exceptions.ClientError):
                client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=record["ReceiptHandle"], VisibilityTimeout=0
                )


def reasons_in(stack: Stack, queue: str) -> Counter[str]:
    """Count the records of a dead-letter queue by reason; of a long one only the first 500."""
    given = (one.get("MessageAttributes", {}) for one in _look_through(stack, queue, looks=50))
    return Counter(
        one["reason"].get("StringValue", "") if "reason" in one else RECEIVED_TOO_OFTEN
        for one in given
    )


def _content_of(record: Record) -> Any:
    try:
        return json.loads(record["Body"])
    except ValueError:
        return None


# ---------------------------------------------------------------------------------------- redrive
class _Action(StrEnum):
    SENT = "put back into the send queue"
    OVER = "removed: the message is over, or its time to live is"
    UNREADABLE = "left: not written by the bridge, or the message's item is gone or unreadable"


def redrive(stack: Stack, yes: DoIt = False) -> None:
    """Put dead letters of the send queues back to be sent.

    Fix their cause first. Nothing is sent twice: a message that 8x8 may have is not sent again. A
    message that is over, or whose time to live is, is not put back. Without --yes it only shows
    what it would do.
    """
    client, queue = stack.aws.client("sqs"), "SendDeadLetterQueue"
    done: Counter[_Action] = Counter()
    for record in _look_through(stack, queue, looks=1000):
        message, action = _message_of(record, stack), _Action.UNREADABLE
        if message:
            may_be_sent = message.state in NOT_WITH_8X8 and message.outcome is None
            is_in_time = message.send_before > time.time()
            action = _Action.SENT if may_be_sent and is_in_time else _Action.OVER
        done[action] += 1
        if not yes or not message:
            continue
        if action is _Action.SENT:
            client.send_message(
                QueueUrl=stack.resource(f"{message.message_type.capitalize()}Queue"),
                MessageBody=record["Body"],
                MessageGroupId=group_of(message),
            )
        client.delete_message(QueueUrl=stack.resource(queue), ReceiptHandle=record["ReceiptHandle"])
    lines = [f"{done[one]} {one}" for one in _Action if done[one]]
    if not done:
        lines = ["There are no dead letters of the send queues."]
    elif not yes:
        lines.append("Nothing was changed; add --yes.")
    say_result({"done": yes, "records": {one.name.lower(): done[one] for one in _Action}}, *lines)


def _message_of(record: Record, stack: Stack) -> Message | None:
    match _content_of(record):
        case {"message": {"id": str(message_id)}} if message_id:
            with suppress(UnreadableItemError):
                return stack.messages.get(message_id)
    return None


# ----------------------------------------------------------------------------------------- replay
def replay(
    stack: Stack,
    message_ids: Annotated[
        list[str] | None, Argument(metavar="[MESSAGE_ID]...", help="Only these messages.")
    ] = None,
    since: Since = "",
    until: Annotated[str, Option(metavar="TIME", help="Only messages accepted until then.")] = "",
    reason: Annotated[
        str, Option(help="Only outcomes given up for this reason, such as moengage_503.")
    ] = "",
    everything: Annotated[bool, Option("--all", help="All that were given up.")] = False,
    limit: Annotated[int, Option(min=1, help="At most so many.")] = 1000,
    yes: DoIt = False,
) -> None:
    """Report outcomes again that were given up.

    They keep their ids, and get all their tries again. What MoEngage has acknowledged since is
    left out. Without --yes it only shows what it would do.
    """
    if not (message_ids or since or until or reason or everything):
        raise BadParameter("say which: MESSAGE_ID, --since, --until, --reason or --all")
    start, end = read_since(since), read_since(until) or inf
    messages: Iterable[Message | None] = stack.messages.given_up(since=start, until=end)
    if message_ids:
        messages = map(stack.messages.get, sorted(set(message_ids)))
    given_up = (
        one
        for one in messages
        if one and one.outcome_given_up and not one.outcome_reported_at
        if reason in ("", one.outcome_given_up)
    )
    found = list(islice(given_up, limit))
    if yes:
        clients: Any = SimpleNamespace(sqs=stack.aws.client("sqs"))
        outcomes = SqsOutcomeQueue(clients, stack.resource("OutcomeQueue"))
        for message in progress(found, "Replaying"):
            stack.messages.record_replayed(message.id)
            outcomes.add(message.id)
        _take_out({one.id for one in found}, stack)
    facts = [
        {
            "umid": one.id,
            "acceptedAt": timestamp(one.accepted_at),
            "status": one.outcome.status if one.outcome else "",
            "givenUp": one.outcome_given_up,
            "givenUpAt": timestamp(one.outcome_given_up_at),
        }
        for one in found
    ]
    rows = [list(one.values()) for one in facts[:_SHOWN]]
    headings = ("Message", "Accepted", "Outcome", "Given up because", "Given up at")
    lines = columns(rows, headings) if rows else []
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more")
    if len(found) == limit:
        lines.append(f"There may be more: --limit is {limit}.")
    will = "are queued and will be" if yes else "would be"
    hint = "" if yes else " Nothing was changed; add --yes."
    lines.append(f"{len(found)} outcomes {will} reported again.{hint}")
    say_result({"replayed": yes, "outcomes": facts}, *lines)


def _take_out(replayed: set[str], stack: Stack) -> None:
    """Delete the dead letters of outcomes that are reported again, or cannot be any more."""
    queue = "OutcomeDeadLetterQueue"
    for record in _look_through(stack, queue, looks=10_000):
        match _content_of(record):
            case {"version": 1, "messageId": str(message_id)} if message_id:
                # What cannot be read stays; `doctor` names such items.
                with suppress(UnreadableItemError):
                    message = None if message_id in replayed else stack.messages.get(message_id)
                    # Of a message that is gone, or was forgotten, nothing can be reported.
                    if not message or message.outcome_reported_at:
                        stack.aws.client("sqs").delete_message(
                            QueueUrl=stack.resource(queue), ReceiptHandle=record["ReceiptHandle"]
                        )
