"""The first attempts of many messages, begun in few calls.

DynamoDB changes many items in one call by PartiQL's statements only: each has a condition of its
own, and holds or fails alone. An attempt that is not the first counts on from an earlier one and
clears away what came of that; it is begun by itself.
"""

from collections.abc import Iterable, Iterator
from itertools import batched
from typing import TYPE_CHECKING, Any

from sms_bridge.rules.life_cycle import State
from sms_bridge.storage.aws_calls import error_of
from sms_bridge.storage.message_items import Item, attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 25
"""DynamoDB's limit."""

Tried = Item | Exception | None
"""The item of the attempt that was begun; why it could not be tried; ``None`` where it is refused:
the message does not wait, or was tried before, or is not there."""


def begin_first_attempts(
    client: "DynamoDBClient", table: str, message_ids: Iterable[str], at: str
) -> Iterator[tuple[str, Tried]]:
    """Take messages that were never tried out of ``waiting``; tells of each what came of it."""
    begun = attributes({"state": State.SENDING.value, "attempt": 1, "attempt_at": at})
    changes = " ".join(f'SET "{name}" = ?' for name in begun)
    waits = attributes({"state": State.WAITING.value})
    statement = (
        f'UPDATE "{table}" {changes} WHERE "id" = ? AND "state" = ? '
        'AND "attempt" IS MISSING AND "answered_at" IS MISSING RETURNING ALL NEW *'
    )
    # No item may be changed twice in one call.
    for some in batched(dict.fromkeys(message_ids), _AT_ONCE, strict=False):
        statements: list[Any] = [
            {
                "Statement": statement,
                "Parameters": [*begun.values(), {"S": message_id}, *waits.values()],
            }
            for message_id in some
        ]
        try:
            answers = client.batch_execute_statement(Statements=statements)["Responses"]
        except Exception as error:
            yield from ((message_id, error) for message_id in some)
            continue
        for message_id, answer in zip(some, answers, strict=True):
            yield message_id, _tried(answer)


def _tried(answer: Any) -> Tried:
    if "Error" not in answer:
        item: Item = answer["Item"]
        return item
    code = answer["Error"].get("Code", "")
    return None if code == "ConditionalCheckFailed" else error_of(code, answer)
