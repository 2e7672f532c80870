"""The stack's queues; `sms-bridge redrive` and `replay`, which put back what was given up."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, NamedTuple

import typer

from bridge.options import AsJson, DoIt, Since
from bridge.stack import Stack
from bridge.terminal import columns, progress, read_since, say_result
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import NOT_WITH_8X8, Message
from sms_bridge.errors import UnreadableItemError
from sms_bridge.services.replay import ReplayScope, find_replays
from sms_bridge.services.replay import replay as replay_one
from sms_bridge.storage.queues import group_of

WORK_QUEUES = ("TransactionalQueue", "PromotionalQueue", "OutcomeQueue")
DEAD_LETTER_QUEUES = ("SendDeadLetterQueue", "OutcomeDeadLetterQueue")
QUEUES = (*WORK_QUEUES, *DEAD_LETTER_QUEUES)
RECEIVED_TOO_OFTEN = "received_too_often"  # why SQS itself moves a record there

# A record that is looked at is out of sight for so long, unless it is put back before.
_SECONDS_TO_LOOK = 120
_SHOWN = 20

Record = Mapping[str, Any]


class Depth(NamedTuple):
    """How many records a queue holds: to be worked on now, later, and being worked on."""

    ready: int
    held_back: int
    in_work: int


def depth_of(stack: Stack, queue: str) -> Depth:
    """Return how full a queue is, by its name in the template."""
    attributes = stack.queues[queue]
    kinds = ("", "Delayed", "NotVisible")
    return Depth(*(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds))


def _look_through(stack: Stack, queue: str, looks: int) -> Iterator[Record]:
    """Receive the records of a queue; those that were not deleted are back in it afterwards."""
    client, url = stack.client("sqs"), stack.resource(queue)
    looked_at: list[Record] = []
    try:
        for _ in range(looks):
            records = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_SECONDS_TO_LOOK,
                MessageAttributeNames=["reason"],
            ).get("Messages", [])
            if not records:
                break
            looked_at += records
            yield from records
    finally:
        for record in looked_at:
            try:
                client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=record["ReceiptHandle"], VisibilityTimeout=0
                )
            except client.exceptions.ClientError:
                continue  # it was deleted, or comes back by itself


def reasons_in(stack: Stack, queue: str) -> Counter[str]:
    """Count the records of a dead-letter queue by reason; of a long one only the first 500."""
    given = (
        one.get("MessageAttributes", {}).get("reason") for one in _look_through(stack, queue, 50)
    )
    return Counter(one.get("StringValue", "") if one else RECEIVED_TOO_OFTEN for one in given)


# ---------------------------------------------------------------------------------------- redrive
class _Action(StrEnum):
    SENT = "put back into the send queue"
    OVER = "removed: the message is over, or its time to live is"
    UNREADABLE = "left: not written by the bridge, or the message's item is gone or unreadable"


def redrive(context: typer.Context, yes: DoIt = False, as_json: AsJson = False) -> None:
    """Put dead letters of the send queues back to be sent.

    Fix their cause first. Nothing is sent twice: a message that 8x8 may have is not sent again. A
    message that is over, or whose time to live is, is not put back. Without --yes it only shows
    what it would do.
    """
    stack: Stack = context.obj
    client, queue = stack.client("sqs"), "SendDeadLetterQueue"
    done: Counter[_Action] = Counter()
    for record in _look_through(stack, queue, looks=1000):
        message = _message_of(record, stack)
        action = _Action.UNREADABLE
        if message is not None:
            may_be_sent = message.state in NOT_WITH_8X8 and message.outcome is None
            is_in_time = message.send_before > time.time()
            action = _Action.SENT if may_be_sent and is_in_time else _Action.OVER
        done[action] += 1
        if not yes or message is None:
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
    facts = {"done": yes, "records": {one.name.lower(): done[one] for one in _Action}}
    say_result(facts, *lines, as_json=as_json)


def _message_of(record: Record, stack: Stack) -> Message | None:
    try:
        message_id = json.loads(record["Body"])["message"]["id"]
        return (
            stack.messages.get(message_id) if message_id and isinstance(message_id, str) else None
        )
    except (ValueError, LookupError, TypeError, UnreadableItemError):
        return None


# ----------------------------------------------------------------------------------------- replay
def replay(
    context: typer.Context,
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[MESSAGE_ID]...", help="Only these messages.")
    ] = None,
    since: Since = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="Only messages accepted until then.")
    ] = "",
    reason: Annotated[
        str, typer.Option(help="Only outcomes given up for this reason, such as moengage_503.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    yes: DoIt = False,
    as_json: AsJson = False,
) -> None:
    """Report outcomes again that were given up.

    They keep their ids, and get all their tries again. What MoEngage has acknowledged since is
    left out. Without --yes it only shows what it would do.
    """
    stack: Stack = context.obj
    if not (message_ids or since or until or reason or everything):
        raise typer.BadParameter("say which: MESSAGE_ID, --since, --until, --reason or --all")
    scope = ReplayScope(
        since=read_since(since),
        until=read_since(until) or float("inf"),
        reason=reason,
        message_ids=frozenset(message_ids or ()),
    )
    found = list(islice(find_replays(stack.messages, scope), limit))
    if yes:
        for message in progress(found, "Replaying"):
            replay_one(message, stack.messages, stack.outcomes)
        replayed = {message.id for message in found}

        def is_done(message_id: str) -> bool:
            if not message_id or message_id in replayed:
                return bool(message_id)
            try:
                message = stack.messages.get(message_id)
            except UnreadableItemError:
                # It stays; `doctor` names such items.
                return False
            # Of a message that is gone, or was forgotten, nothing can be reported any more.
            return message is None or bool(message.outcome_reported_at)

        stack.outcome_dead_letters.take_out(is_done)
    outcomes = [
        {
            "umid": one.id,
            "acceptedAt": timestamp(one.accepted_at),
            "status": one.outcome.status if one.outcome else "",
            "givenUp": one.outcome_given_up,
            "givenUpAt": timestamp(one.outcome_given_up_at),
        }
        for one in found
    ]
    rows = [list(one.values()) for one in outcomes[:_SHOWN]]
    headings = ("Message", "Accepted", "Outcome", "Given up because", "Given up at")
    lines = columns(rows, headings) if rows else []
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more")
    if len(found) == limit:
        lines.append(f"There may be more: --limit is {limit}.")
    will = "are queued and will be" if yes else "would be"
    hint = "" if yes else " Nothing was changed; add --yes."
    lines.append(f"{len(found)} outcomes {will} reported again.{hint}")
    say_result({"replayed": yes, "outcomes": outcomes}, *lines, as_json=as_json)
