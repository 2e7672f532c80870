"""Messages in DynamoDB as they are read: one by its id, and lists by the table's indexes."""

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from sms_bridge.domain.message import Message
from sms_bridge.domain.recorded import Position
from sms_bridge.errors import OnUnreadable, UnreadableItemError
from sms_bridge.observability import logger
from sms_bridge.storage.items import Item, campaign_shard, message_from
from sms_bridge.storage.table import (
    BY_CAMPAIGN,
    BY_RECIPIENT,
    OPEN,
    Index,
    MessagesTable,
)

SHARDS = "0123456789abcdef"
GIVEN_UP = "given up "

# What it takes to report an outcome; boto3 takes a while for each attribute of an answer.
_TO_REPORT = (
    "id, accepted_at, umid, sub_account_id, destination, recipient_hash, campaign_shard, outcome, "
    "due_at, lease_owner, lease_until, next_try_at, tries, reported_at, given_up, reply_to"
)


def log_unreadable(error: UnreadableItemError) -> None:
    """Name an item that is skipped."""
    logger.warning("item cannot be read", message_id=error.item_id, reason=error.reason)


class MessageReads:
    """What :class:`~sms_bridge.services.interfaces.MessageStore` reads of messages."""

    def __init__(self, table: MessagesTable) -> None:
        self._table = table

    def get(self, message_id: str) -> Message | None:
        item = self._table.get(message_id)
        return message_from(item) if item else None

    def get_outcome(self, message_id: str) -> Message | None:
        item = self._table.get(message_id, _TO_REPORT)
        return message_from(item) if item else None

    def open_messages(
        self, *, since: float = 0.0, until: float, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Message]:
        # Each time another shard comes first, should none come to the last.
        first = random.randrange(len(SHARDS))  # noqa: S311 - no secret  # nosec B311
        shards = SHARDS[first:] + SHARDS[:first]
        return self._listed(shards, since, until, on_unreadable or log_unreadable)

    def given_up_messages(self, *, since: float, until: float) -> Iterator[Message]:
        return self._listed([GIVEN_UP + one for one in SHARDS], since, until, log_unreadable)

    def messages_to(
        self, recipient_hash: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        return self._newest_first(BY_RECIPIENT, [recipient_hash], before)

    def messages_of_campaign(
        self, campaign_id: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        shards = [campaign_shard(campaign_id, shard) for shard in SHARDS]
        return self._newest_first(BY_CAMPAIGN, shards, before)

    def _listed(
        self, shards: Iterable[str], since: float, until: float, on_unreadable: OnUnreadable
    ) -> Iterator[Message]:
        for shard in shards:
            for item in self._table.find(OPEN, shard, since=since, until=until):
                # The index lags behind the table; what left the list meanwhile is not on it.
                is_listed = item.get("open_shard") == {"S": shard}
                if is_listed and (message := _readable(item, on_unreadable)):
                    yield message

    def _newest_first(
        self, index: Index, values: Sequence[str], before: Position | None
    ) -> Iterator[Message]:
        until = before.accepted_at if before else inf
        items = [self._table.find(index, one, until=until, backwards=True) for one in values]
        found = [filter(None, map(_readable, some)) for some in items]
        for message in heapq.merge(*found, key=Position.of, reverse=True):
            if before is None or Position.of(message) < before:
                yield message


def _readable(item: Item, on_unreadable: OnUnreadable = log_unreadable) -> Message | None:
    try:
        return message_from(item)
    except UnreadableItemError as error:
        on_unreadable(error)
        return None
