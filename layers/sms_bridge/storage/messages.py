"""Messages in DynamoDB."""

import functools
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import FINAL, MAY_REPLACE, State
from sms_bridge.json_text import WrittenList, json_string
from sms_bridge.services.interfaces import FIRST_ATTEMPT, Attempt, Effect, Position, Recorded
from sms_bridge.storage.aws_calls import error_of
from sms_bridge.storage.items import (
    CAMPAIGN,
    INBOUND_PREFIX,
    RECEIPT_PREFIX,
    Item,
    attributes,
    campaign_shard,
    inbound_attributes,
    inbound_from,
    message_attributes,
    message_from,
    outcome_attributes,
    receipt_attribute,
    shard_of,
)
from sms_bridge.values import value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SECONDS_A_DAY = 86_400

_GIVEN_UP = "given up "

_NO_OUTCOME = "attribute_not_exists(due_at)"

_FAILURE = ("reason", "description", "eightx8_code", "eightx8_error_id")
"""What tells why an attempt failed."""


class DynamoDBMessages:
    """A :class:`~sms_bridge.storage.messages.MessageStore` in one DynamoDB table.

    Parameters
    ----------
    client
        boto3's DynamoDB client, or one that stands in its place.
    table
        Name of the table. Its key is the string attribute ``id``; its indexes are those of
        :mod:`~sms_bridge.storage.message_indexes`.
    retention_days
        After how many days a new item expires.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, retention_days: int = 90) -> None:
        self._client = client
        self._table = table
        self._retention = retention_days * _SECONDS_A_DAY
        self._indexes = MessageIndexes(client, table)
        self._update = functools.partial(update_of, table)

    # ----------------------------------------------------------------------------------- sending
    def create(self, message: Message) -> Message | None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        values = {**message_attributes(message), "state": message.state.value}
        if not message.ends_a_chain:
            values["open_shard"] = shard_of(message.id)
        expires_at = self._expiry(message.accepted_at)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=attributes({"id": message.id, **values, "expires_at": expires_at}),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            there = item_of(taken.response)
            if "accepted_at" in there:
                return message_from(there)
        else:
            return None
        # A receipt cannot come before its message, but if it did, its state stays.
        add_to_receipts = self._update(
            message.id,
            values,
            expires_at=expires_at,
            only_if_absent=("state", "umid"),
            condition="attribute_not_exists(accepted_at)",
            remove=() if "attempt_at" in values else ("attempt_at",),
        )
        try:
            self._client.update_item(**add_to_receipts)
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            return message_from(item_of(taken.response))
        return None

    def begin_attempt(self, message_id: str, at: str) -> Attempt:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        begin = self._update(
            message_id,
            {"state": State.SENDING.value, "attempt_at": at},
            condition=one_of("#state", MAY_REPLACE[State.SENDING]),
            condition_values=named(MAY_REPLACE[State.SENDING]),
            add="attempt",
            # What came of the last one.
            remove=("answered_at", *_FAILURE),
        )
        try:
            item = self._client.update_item(**begin, ReturnValues="ALL_NEW")["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            before = item_of(refused.response)
            return Attempt.of(message_from(before) if before else None, begun=False)
        return Attempt.of(message_from(item), begun=True)

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: str
    ) -> dict[str, Attempt | Exception]:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        tried = begin_first_attempts(self._client, self._table, message_ids, at)
        return {
            one: FIRST_ATTEMPT if begun is True else begun or self._begin_later(one, at)
            for one, begun in tried.items()
        }

    def _begin_later(self, message_id: str, at: str) -> Attempt | Exception:
        """Begin an attempt that is not the first, if the message waits for one."""
        try:
            message = self.get(message_id)
            if message and message.state is State.WAITING:
                return self.begin_attempt(message_id, at)
        except Exception as error:
            return error
        return Attempt.of(message, begun=False)

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: str
    ) -> Recorded:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        failure = {name: getattr(result, name) for name in _FAILURE}
        facts = {
            "answered_at": at,
            "ambiguous_since": at if result.verdict is Verdict.AMBIGUOUS else "",
            "umid": result.umid,
            "encoding": result.encoding,
            **failure,
        }
        return self._advance(
            message_id,
            state,
            facts,
            result.outcome if state in FINAL else None,
            at,
            attempt=None if result.umid else attempt,
            remove=tuple(name for name, value in failure.items() if not value),
        )

    # ---------------------------------------------------------------------------------- receipts
    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        facts = {
            RECEIPT_PREFIX + receipt.key: receipt_attribute(receipt),
            "umid": receipt.umid,
            "sub_account_id": receipt.sub_account_id,
        }
        return self._advance(message_id, receipt.state, facts, outcome, receipt.received_at)

    def keep_inbound(self, inbound: InboundMessage) -> str:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        inbound_id = INBOUND_PREFIX + inbound.umid
        self._keep(inbound_id, inbound.received_at, inbound_attributes(inbound))
        return inbound_id

    def get_inbound(self, inbound_id: str) -> InboundMessage | None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        item = self._get(inbound_id)
        return inbound_from(item) if item else None

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        content = {"event_type": event.event_type, "content": event.content}
        self._keep(f"event {event.key}", received_at, content)

    # ---------------------------------------------------------------------------------- outcomes
    def record_outcome(self, message_id: str, outcome: Outcome, at: str) -> Recorded:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        due = outcome_attributes(outcome, at)
        first = self._update(
            message_id, due, only_if_absent=("next_try_at",), condition=_NO_OUTCOME
        )
        try:
            item = self._client.update_item(**first, ReturnValues="ALL_NEW")["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            message = message_from(item_of(refused.response))
            return Recorded(message, Effect.LATE, outcome_is_new=False)
        return Recorded(message_from(item), Effect.MOVED, outcome_is_new=True)

    def hold_outcome(self, message_id: str, at: str, until: str) -> bool:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        its_turn = "attribute_not_exists(next_try_at) OR next_try_at <= :at"
        held = {"next_try_at": until}
        hold = self._update(message_id, held, condition=its_turn, condition_values={":at": at})
        try:
            self._client.update_item(**hold)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def record_reported(self, message_id: str, at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        reported = self._update(
            message_id,
            {"reported_at": at},
            only_if_absent=("reported_at",),
            remove=("open_shard",),
        )
        self._client.update_item(**reported)

    def record_not_taken(self, message_id: str, next_try_at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        again = self._update(message_id, {"next_try_at": next_try_at}, add="tries")
        self._client.update_item(**again)

    def record_given_up(self, message_id: str, reason: str, at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        given_up = {
            "given_up": reason,
            "given_up_at": at,
            "open_shard": _GIVEN_UP + shard_of(message_id),
        }
        self._client.update_item(**self._update(message_id, given_up))

    def record_replayed(self, message_id: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        replayed = self._update(
            message_id,
            {"open_shard": shard_of(message_id)},
            remove=(
                "given_up",
                "given_up_at",
                "tries",
                "next_try_at",
            ),
        )
        self._client.update_item(**replayed)

    def close(self, message_id: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        self._client.update_item(**self._update(message_id, {}, remove=("open_shard",)))

    # ----------------------------------------------------------------------------------- look-up
    def get(self, message_id: str) -> Message | None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        item = self._get(message_id)
        return message_from(item) if item else None

    def open_messages(self, *, until: str) -> Iterator[Message]:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        for shard in SHARDS:
            yield from self._open_ones(shard, FIRST, until)

    def messages_to(
        self, recipient_hash: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        return self._indexes.newest_first(BY_RECIPIENT, [recipient_hash], before)

    def messages_of_campaign(
        self, campaign_id: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        shards = [campaign_shard(campaign_id, shard) for shard in SHARDS]
        return self._indexes.newest_first(BY_CAMPAIGN, shards, before)

    def given_up_messages(self, *, since: str, until: str) -> Iterator[Message]:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        for shard in SHARDS:
            yield from self._open_ones(_GIVEN_UP + shard, since, until)

    # ------------------------------------------------------------------------------------- inside
    def _get(self, key: str) -> Item | None:
        return self._client.get_item(
            TableName=self._table, Key=attributes({"id": key}), ConsistentRead=True
        ).get("Item")

    def _open_ones(self, shard: str, since: str, until: str) -> Iterator[Message]:
        for item in self._indexes.find(OPEN, shard, since=since, until=until):
            # The index lags behind the table; what was closed meanwhile is not open.
            if "open_shard" in item:
                yield message_from(item)

    def _advance(
        self,
        message_id: str,
        state: State | None,
        facts: dict[str, Any],
        outcome: Outcome | None,
        at: str,
        *,
        attempt: int | None = None,
        remove: tuple[str, ...] = (),
    ) -> Recorded:
        """Write facts, and with them the state if it moves the message forward.

        .. code-block:: text

            the state may follow  ->  one update: state, facts, outcome
            but there is one      ->  the update is refused; another: state and facts
            it may not follow     ->  the update is refused and shows the item as it is
                 facts are in it  ->  a repeat; nothing to write
                 else             ->  an update of facts alone
        """
        update = functools.partial(self._update, message_id, expires_at=self._expiry(at))
        if state is not None:
            forward = functools.partial(
                update,
                only_if_absent=("umid", "sub_account_id", "next_try_at"),
                condition_values=values_to_move(state, attempt),
                remove=remove,
            )
            changes = {**facts, "state": state.value}
            condition = condition_to_move(state, attempt)
            # Whether an outcome is new is told by a condition: two may come at one moment.
            for due in (outcome, None) if outcome else (None,):
                brought = outcome_attributes(due, at) if due else {}
                call = forward(
                    {**changes, **brought},
                    condition=f"{condition} AND {_NO_OUTCOME}" if due else condition,
                )
                try:
                    item = self._client.update_item(**call, ReturnValues="ALL_NEW")["Attributes"]
                except self._client.exceptions.ConditionalCheckFailedException as refused:
                    before = item_of(refused.response)
                    if due and "due_at" in before:
                        continue
                    if before and all(name in before for name in attributes(facts)):
                        return Recorded(message_from(before), Effect.REPEATED, outcome_is_new=False)
                    break
                is_new = due is not None
                return Recorded(message_from(item), Effect.MOVED, outcome_is_new=is_new)
        only_facts = update(facts, only_if_absent=tuple(facts))
        item = self._client.update_item(**only_facts, ReturnValues="ALL_NEW")["Attributes"]
        return Recorded(message_from(item), Effect.LATE, outcome_is_new=False)

    def _keep(self, key: str, received_at: str, values: dict[str, Any]) -> None:
        self._client.put_item(
            TableName=self._table,
            Item=attributes(
                {
                    "id": key,
                    **values,
                    "received_at": received_at,
                    "expires_at": self._expiry(received_at),
                }
            ),
        )

    def _expiry(self, at: str) -> int:
        return int(seconds_of(at)) + self._retention


def update_of(
    table: str,
    message_id: str,
    changes: Mapping[str, Any],
    *,
    expires_at: int | None = None,
    only_if_absent: tuple[str, ...] = (),
    condition: str | None = None,
    condition_values: Mapping[str, Any] | None = None,
    add: str | None = None,
    remove: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the call that sets attributes of an item, counts one up and removes others."""
    values = attributes({**changes, "expires_at": expires_at})
    expression, names = _update_expression(
        tuple(values), frozenset((*only_if_absent, "expires_at")), add, remove
    )
    placeholders = {f":v{number}": value for number, value in enumerate(values.values())}
    if add:
        placeholders |= attributes({":one": 1})
    placeholders |= attributes(dict(condition_values or {}))
    update: dict[str, Any] = {
        "TableName": table,
        "Key": attributes({"id": message_id}),
        "UpdateExpression": expression,
    }
    if names:
        update["ExpressionAttributeNames"] = names
    if placeholders:
        update["ExpressionAttributeValues"] = placeholders
    if condition:
        update["ConditionExpression"] = condition
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return update


@functools.lru_cache
def _update_expression(
    changed: tuple[str, ...],
    only_if_absent: frozenset[str],
    add: str | None,
    remove: tuple[str, ...],
) -> tuple[str, dict[str, str]]:
    """Return an update's expression, and the names that its placeholders stand for.

    The values' placeholders are ``:v0``, ``:v1``, ... in the order of the names.
    """
    names, assignments = {}, []
    for number, name in enumerate(changed):
        placeholder = "#state" if name == "state" else f"#n{number}"
        names[placeholder] = name
        new = f":v{number}"
        if name in only_if_absent:
            new = f"if_not_exists({placeholder}, {new})"
        assignments.append(f"{placeholder} = {new}")
    clauses = []
    if assignments:
        clauses.append(f"SET {', '.join(assignments)}")
    if add:
        clauses.append(f"ADD {add} :one")
    if remove:
        clauses.append(f"REMOVE {', '.join(remove)}")
    return " ".join(clauses), names


@functools.cache
def one_of(name: str, states: frozenset[State]) -> str:
    """Return the condition that the item is in one of these states."""
    return f"{name} IN ({', '.join(f':{state.value}' for state in sorted(states))})"


@functools.cache
def named(states: frozenset[State]) -> Mapping[str, str]:
    """Return the values of such a condition."""
    return {f":{state.value}": state.value for state in states}


def condition_to_move(state: State, attempt: int | None) -> str:
    """Return the condition that a message may move to a state.

    Parameters
    ----------
    attempt
        Which has to be the last one, 0 for none; ``None`` for any.
    """
    condition = f"(attribute_not_exists(#state) OR {one_of('#state', MAY_REPLACE[state])})"
    if attempt is None:
        return condition
    return f"{condition} AND {'attempt = :attempt' if attempt else 'attribute_not_exists(attempt)'}"


def values_to_move(state: State, attempt: int | None) -> Mapping[str, Any]:
    """Return the values of such a condition."""
    values = named(MAY_REPLACE[state])
    return {**values, ":attempt": attempt} if attempt else values


def item_of(refusal: Mapping[str, Any]) -> Item:
    """Return the item that a refused condition shows, empty where there is none."""
    item: Item = refusal.get("Item", {})
    return item


@value()
class Index:
    """An index and the attribute that it goes by."""

    name: str
    attribute: str


OPEN = Index("open", "open_shard")
BY_RECIPIENT = Index("recipient", "recipient_hash")
BY_CAMPAIGN = Index("campaign", CAMPAIGN)

SHARDS = "0123456789abcdef"

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


_AT_ONCE = 25
"""DynamoDB's limit."""


def begin_first_attempts(
    client: "DynamoDBClient", table: str, message_ids: Iterable[str], at: str
) -> dict[str, bool | Exception]:
    """Take messages that were never tried out of ``waiting``.

    Returns
    -------
    dict
        Of each message whether its attempt is begun, or why nobody knows. It is not where the
        message does not wait, or was tried before, or is not there.
    """
    # What is the same for all stands in the statement itself: the table's name, our own words and
    # our own clock. What came from outside is its parameter.
    statement = (
        f'UPDATE "{table}" SET "state" = \'{State.SENDING}\' SET "attempt" = 1 '  # noqa: S608
        f'SET "attempt_at" = \'{at}\' WHERE "id" = ? AND "state" = \'{State.WAITING}\' '
        'AND "attempt" IS MISSING AND "answered_at" IS MISSING'
    )
    begins = f'{{"Statement":{json_string(statement)},"Parameters":[{{"S":'
    begun: dict[str, bool | Exception] = {}
    # No item may be changed twice in one call.
    for some in batched(dict.fromkeys(message_ids), _AT_ONCE, strict=False):
        statements = WrittenList(
            ({"Statement": statement, "Parameters": [{"S": one}]} for one in some),
            f"[{','.join(f'{begins}{json_string(one)}}}]}}' for one in some)}]",
        )
        try:
            answers = client.batch_execute_statement(Statements=statements)["Responses"]
        except Exception as error:
            begun |= dict.fromkeys(some, error)
            continue
        begun |= dict.fromkeys(some, True)
        for message_id, answer in zip(some, answers, strict=True):
            if "Error" in answer:
                begun[message_id] = _told_by(answer["Error"].get("Code", ""))
    return begun


def _told_by(code: str) -> bool | Exception:
    return False if code == "ConditionalCheckFailed" else error_of(code, {})


_READ_AT_ONCE = 100
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
    for some in batched(keys, _READ_AT_ONCE, strict=False):
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
