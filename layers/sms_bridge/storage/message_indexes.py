"""The indexes of the messages table.

=============  ==================  ==========================================================
index          key                 holds
=============  ==================  ==========================================================
``open``       ``shelf``           messages whose outcome MoEngage has not heard
``recipient``  ``recipient_hash``  all messages
``campaign``   ``campaign``        messages with a campaign id
=============  ==================  ==========================================================

All are sorted by ``accepted_at`` and hold keys only. Shelves are named after an id's first digit,
so that a burst of messages is not written to one partition.
"""

import heapq
from collections.abc import Iterator, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from sms_bridge.rules.messages import Message
from sms_bridge.storage.many_items import read_items
from sms_bridge.storage.message_items import CAMPAIGN, Item, attributes, message_from
from sms_bridge.storage.messages import Position
from sms_bridge.values import value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@value()
class Index:
    """An index and the attribute that it goes by."""

    name: str
    attribute: str


OPEN = Index("open", "shelf")
BY_RECIPIENT = Index("recipient", "recipient_hash")
BY_CAMPAIGN = Index("campaign", CAMPAIGN)

SHELVES = "0123456789abcdef"

# Before and after every moment that is written down.
FIRST, LAST = "0", "9"

_GET_AT_ONCE = 100


class MessageIndexes:
    """Finds items by an index, and reads them from the table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def newest_first(
        self, index: Index, values: Sequence[str], before: Position | None
    ) -> Iterator[Message]:
        """Return the messages under any of the values, from a position back."""
        until = before.accepted_at if before else LAST
        each = (
            map(message_from, self.find(index, value, until=until, backwards=True))
            for value in values
        )
        for message in heapq.merge(*each, key=Position.of, reverse=True):
            if before is None or Position.of(message) < before:
                yield message

    def find(
        self,
        index: Index,
        value: str,
        *,
        since: str = FIRST,
        until: str = LAST,
        backwards: bool = False,
    ) -> Iterator[Item]:
        """Return the items under a value, by when they were accepted."""
        under_the_value = f"{index.attribute} = :value"
        in_the_span = "accepted_at BETWEEN :since AND :until"
        found = self._query(
            IndexName=index.name,
            KeyConditionExpression=f"{under_the_value} AND {in_the_span}",
            ExpressionAttributeValues=attributes(
                {":value": value, ":since": since, ":until": until}
            ),
            ScanIndexForward=not backwards,
        )
        keys = ({"id": item["id"]} for item in found)
        for some in batched(keys, _GET_AT_ONCE, strict=False):
            # They come back in any order.
            items = {item["id"]["S"]: item for item in read_items(self._client, self._table, some)}
            yield from (items[key["id"]["S"]] for key in some if key["id"]["S"] in items)

    def _query(self, **query: Any) -> Iterator[Item]:
        while True:
            page = self._client.query(TableName=self._table, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
