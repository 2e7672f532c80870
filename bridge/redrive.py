"""`sms-bridge redrive`: puts dead letters of the send queues back to be sent."""

import json
import time
from collections import Counter
from enum import StrEnum

import typer

from bridge.options import AsJson, DoIt
from bridge.queues import Record, look_through
from bridge.stack import Stack
from bridge.terminal import say_result
from sms_bridge.domain.message import Message
from sms_bridge.domain.state import NOT_WITH_8X8
from sms_bridge.errors import UnreadableItemError
from sms_bridge.storage.queues import group_of

_QUEUE = "SendDeadLetterQueue"
_LOOKS_AT_MOST = 1000


class _Action(StrEnum):
    """What is done with a dead letter."""

    SENT = "put back into the send queue"
    OVER = "removed: the message is over, or its time to live is"
    UNREADABLE = "left: not written by the bridge, or the message's item is gone or unreadable"


def redrive(
    context: typer.Context,
    yes: DoIt = False,
    as_json: AsJson = False,
) -> None:
    """Put dead letters of the send queues back to be sent.

    Fix their cause first. Nothing is sent twice: a message that 8x8 may have is not sent again. A
    message that is over, or whose time to live is, is not put back. Without --yes it only shows
    what it would do.
    """
    stack: Stack = context.obj
    done: Counter[_Action] = Counter()
    for record in look_through(stack, _QUEUE, _LOOKS_AT_MOST):
        message = _message_of(record, stack)
        action = _action_for(message)
        done[action] += 1
        if yes and message is not None:
            _do(action, record, message, stack)
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
    except (ValueError, LookupError, TypeError):
        return None
    if not isinstance(message_id, str) or not message_id:
        return None
    try:
        return stack.messages.get(message_id)
    except UnreadableItemError:
        return None


def _action_for(message: Message | None) -> _Action:
    if message is None:
        return _Action.UNREADABLE
    may_be_sent = message.state in NOT_WITH_8X8 and message.outcome is None
    is_in_time = message.send_before > time.time()
    return _Action.SENT if may_be_sent and is_in_time else _Action.OVER


def _do(action: _Action, record: Record, message: Message, stack: Stack) -> None:
    client = stack.client("sqs")
    if action is _Action.SENT:
        name = f"{message.message_type.value.capitalize()}Queue"
        client.send_message(
            QueueUrl=stack.resource(name).id,
            MessageBody=record["Body"],
            MessageGroupId=group_of(message),
        )
    client.delete_message(QueueUrl=stack.resource(_QUEUE).id, ReceiptHandle=record["ReceiptHandle"])
