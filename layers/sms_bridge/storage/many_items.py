"""Reads many items at once."""

from collections.abc import Iterable, Iterator
from itertools import batched
from typing import TYPE_CHECKING

from sms_bridge.storage.message_items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 100
"""DynamoDB's limit."""

_MAX_CALLS = 20
"""DynamoDB may leave keys for another call: of a hundred items it reads some every time."""


class LeftOutError(Exception):
    """DynamoDB leaves keys out again and again."""


def read_items(client: "DynamoDBClient", table: str, keys: Iterable[Item]) -> Iterator[Item]:
    """Return the items that there are, in any order.

    Parameters
    ----------
    keys
        No two the same.

    Raises
    ------
    LeftOutError
        Some could not be read.
    """
    for some in batched(keys, _AT_ONCE, strict=False):
        left = list(some)
        for _ in range(_MAX_CALLS):
            answer = client.batch_get_item(
                RequestItems={table: {"Keys": left, "ConsistentRead": True}}
            )
            yield from answer["Responses"].get(table, [])
            unprocessed = answer["UnprocessedKeys"].get(table)
            left = list(unprocessed["Keys"]) if unprocessed else []
            if not left:
                break
        else:
            raise LeftOutError
