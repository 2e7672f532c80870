"""The messages table: its items (``docs/architecture.md`` lists them), and what is asked of it.

A message's attributes are named after its fields, without the ``outcome_`` of some; what is empty,
or is told elsewhere in the item, is not stored. Each receipt is a map of its own: adding one needs
no list that is there already, and adding it twice is adding it once. Times are ISO 8601 in UTC.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import batched, islice
from math import inf
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt, State
from sms_bridge.errors import BridgeError, UnreadableItemError
from sms_bridge.storage.aws import item_of_refusal, refusal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import ReturnValueType
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    from sms_bridge.domain.arrivals import Click

Item = dict[str, Any]
"""An item in DynamoDB's own notation, ``{"id": {"S": "..."}}``."""

RECEIPT_PREFIX = "receipt_"
INBOUND_PREFIX = "inbound "
OPT_OUT_PREFIX = "opt-out "

CAMPAIGN = "campaign_shard"
"""Holds the campaign's id and, for the index by campaign, the message's shard."""

RECEIPT_IDS = ("umid", "sub_account_id")

_NOT_UNDERSTOOD = "not understood"
"""Stands for the state of a receipt whose word the bridge does not know."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize

# DynamoDB's limits.
_STATEMENTS_A_CALL = 25
_KEYS_A_CALL = 100

# The newest messages are read in growing steps: nearly always the first ones are meant.
_NEWEST_READ_FIRST = 5

# DynamoDB may leave keys for another call: of a hundred items it reads some every time.
_MAX_READS = 20

STAYS = frozenset({"umid", "sub_account_id", "expires_at"})
"""Attributes that keep the first value that is written."""

INDEXES = {
    # Messages whose outcome is not reported, and apart from them those given up.
    "open": "open_shard",
    "recipient": "recipient_hash",
    "campaign": CAMPAIGN,
}
"""By each index's name the attribute that it goes by.

All are sorted by ``accepted_at`` and hold keys only. Shards are named after an id's first digit, so
that a burst of messages is not written to one partition.
"""


class MessagesTable:
    """One DynamoDB table. Its key is the string attribute ``id``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    # ----------------------------------------------------------------------------------- one item
    def get(self, key: str, only: str = "") -> Item | None:
        projection: dict[str, Any] = {"ProjectionExpression": only} if only else {}
        return self.client.get_item(
            TableName=self.name, Key={"id": {"S": key}}, ConsistentRead=True, **projection
        ).get("Item")

    def put_new(self, key: str, values: Mapping[str, Any]) -> Item | None:
        """Write an item unless its id is taken; returns the one that has it."""
        try:
            self.client.put_item(
                TableName=self.name,
                Item=to_item({"id": key, **values}),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return item_of_refusal(error)
        return None

    def put(self, key: str, values: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item=to_item({"id": key, **values}))

    def delete(self, key: str) -> None:
        self.client.delete_item(TableName=self.name, Key={"id": {"S": key}})

    def was_written(self, key: str, changes: Mapping[str, Any], **more: Any) -> bool:
        """Update an item, and return whether the conditions held."""
        _, is_written = self.update(key, changes, returns="NONE", **more)
        return is_written

    def update(
        self,
        key: str,
        changes: Mapping[str, Any],
        *,
        first: Mapping[str, Any] = {},
        add: Mapping[str, Any] = {},
        remove: tuple[str, ...] = (),
        only_if: Sequence[str] = (),
        given: Mapping[str, Any] = {},
        returns: "ReturnValueType" = "ALL_OLD",
    ) -> tuple[Item, bool]:
        """Change an item if all conditions hold.

        Returns the item as it is then, empty where there is none, and whether it was changed. boto3
        takes a while for each attribute of an answer, so DynamoDB is asked for the item as it was,
        which lacks what is written now; what ``add`` made is shown by ``ALL_NEW`` only.

        ``first`` is set unless it is there already; by ``add`` numbers are counted up, and what is
        in it is put into sets. Conditions name each of these values after its attribute, and those
        that are ``given`` beside them.
        """
        values, stays = to_item({**changes, **first}), STAYS | first.keys()
        assignments = [
            f"#{name} = if_not_exists(#{name}, :{name})" if name in stays else f"#{name} = :{name}"
            for name in values
        ]
        clauses = {"SET": assignments, "ADD": [f"{name} :{name}" for name in add], "REMOVE": remove}
        placed = {**values, **to_item({**add, **given})}
        call: dict[str, Any] = {
            "TableName": self.name,
            "Key": {"id": {"S": key}},
            "UpdateExpression": " ".join(
                f"{keyword} {', '.join(parts)}" for keyword, parts in clauses.items() if parts
            ),
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in placed.items()},
            "ConditionExpression": " AND ".join(only_if),
            "ReturnValues": returns,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            answer = self.client.update_item(**{name: part for name, part in call.items() if part})
        except ClientError as error:
            return item_of_refusal(error), False
        old = answer.get("Attributes", {})
        if returns != "ALL_OLD":
            return old, True
        there = {name: value for name, value in old.items() if name in stays or name not in values}
        now = {"id": {"S": key}, **values, **there}
        return {name: value for name, value in now.items() if name not in remove}, True

    # ----------------------------------------------------------------------------------- batches
    def insert(self, many: Iterable[Mapping[str, Any]]) -> Iterator[Exception | None]:
        """Insert items in few calls, each for itself; yields why one failed.

        BatchWriteItem knows no conditions, and a transaction costs twice the write units. PartiQL's
        ``INSERT`` refuses an id that is taken, but does not show the item.
        """
        # Of what came from outside each value is a parameter.
        return self.execute(
            {
                "Statement": f'INSERT INTO "{self.name}" VALUE {{{_placeholders(item)}}}',
                "Parameters": list(item.values()),
            }
            for item in map(to_item, many)
        )

    def execute(
        self, statements: "Iterable[BatchStatementRequestTypeDef]"
    ) -> Iterator[Exception | None]:
        """Execute statements in few calls, each for itself; yields why one failed."""
        for some in batched(statements, _STATEMENTS_A_CALL):
            try:
                answer = self.client.batch_execute_statement(Statements=list(some))
                errors: list[Exception | None] = [
                    refusal(one["Error"], answer) if "Error" in one else None
                    for one in answer["Responses"]
                ]
            except Exception as error:
                errors = [error] * len(some)
            yield from errors

    def read(self, ids: Iterable[str]) -> Iterator[Item]:
        """Return the items that there are, in any order. No two ids may be the same."""
        for some in batched(ids, _KEYS_A_CALL):
            left: Sequence[Any] = [{"id": {"S": one}} for one in some]
            for _ in range(_MAX_READS):
                answer = self.client.batch_get_item(
                    RequestItems={self.name: {"Keys": left, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self.name, [])
                left = answer["UnprocessedKeys"].get(self.name, {"Keys": []})["Keys"]
                if not left:
                    break
            else:
                raise BridgeError("DynamoDB leaves keys out again and again")

    # ------------------------------------------------------------------------------------- lists
    def find(self, index: str, value: str, since: float, until: float) -> Iterator[Item]:
        """Return the items under a value of an index: the newest first, but for open ones."""
        is_open = index == "open"
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": (
                f"{INDEXES[index]} = :value AND accepted_at BETWEEN :since AND :until"
            ),
            "ExpressionAttributeValues": {
                ":value": {"S": value},
                ":since": {"S": timestamp(since)},
                ":until": {"S": timestamp(until) if until < inf else "9"},
            },
            "ScanIndexForward": is_open,
        }
        at_once = _KEYS_A_CALL if is_open else _NEWEST_READ_FIRST
        while True:
            page = self.client.query(**query)
            ids = iter([one["id"]["S"] for one in page["Items"]])
            while some := list(islice(ids, at_once)):
                # They come back in any order.
                items = {one["id"]["S"]: one for one in self.read(some)}
                yield from (items[one] for one in some if one in items)
                at_once = min(4 * at_once, _KEYS_A_CALL)
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _placeholders(item: Item) -> str:
    return ", ".join(f"'{name}': ?" for name in item)


# ------------------------------------------------------------------------------------- any item
def to_item(values: Mapping[str, Any]) -> Item:
    """Write values in DynamoDB's notation, leaving out what is empty; a float is a time."""
    return {name: _attribute(value) for name, value in values.items() if value}


def as_stored(value: Any) -> Any:
    """Return a value as items hold it: times are text."""
    return timestamp(value) if isinstance(value, float) else value


def from_item(item: Item) -> dict[str, Any]:
    return {name: _value(attribute) for name, attribute in item.items()}


# Nearly all attributes are text, for which boto3's classes ask many questions.
def _attribute(value: Any) -> Any:
    stored = as_stored(value)
    if isinstance(stored, str):
        return {"S": stored}
    if isinstance(stored, dict):
        return {"M": to_item(stored)}
    return _serialize(stored)


def _value(attribute: Any) -> Any:
    if "S" in attribute:
        return attribute["S"]
    if "M" in attribute:
        return from_item(attribute["M"])
    value = _deserialize(attribute)
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def _plain(its_class: type, *but: str) -> list[tuple[str, str, Any]]:
    """Return the attribute, the field and the type of each field that is stored as it is."""
    return [
        (field.removeprefix("outcome_"), field, its_type)
        for field, its_type in its_class.__annotations__.items()
        if its_type in (str, float, int, bool, State, MessageType) and field not in but
    ]


_MESSAGE_FIELDS = _plain(Message, "id", "campaign_id")
_RECEIPT_FIELDS = _plain(Receipt, *RECEIPT_IDS, "client_message_id", "eightx8_state")


# ------------------------------------------------------------------------------------- messages
def message_values(message: Message) -> dict[str, Any]:
    """Return what a new message's item holds, but for the key."""
    values = {name: getattr(message, field) for name, field, _ in _MESSAGE_FIELDS}
    if not message.closes_window:
        values["open_shard"] = shard_of(message.id)
    if message.campaign_id:
        values[CAMPAIGN] = campaign_shard(message.campaign_id, shard_of(message.id))
    if message.attempt_at == message.accepted_at:
        del values["attempt_at"]
    return values


def shard_of(message_id: str) -> str:
    """Return where a message is among those that an index keeps apart, so that none is hot."""
    return message_id[0]


def campaign_shard(campaign_id: str, shard: str) -> str:
    """Return what the index by campaign holds a campaign's messages under."""
    return f"{campaign_id} {shard}"


def message_from(item: Item) -> Message:
    """Read a message's item; `UnreadableItemError` if it holds what this version does not know."""
    try:
        return _message_from(from_item(item))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableItemError(item["id"]["S"], type(error).__name__) from error


def _message_from(values: dict[str, Any]) -> Message:
    # Receipts may come before their message.
    known = {"state": State.SENDING, **_known(_MESSAGE_FIELDS, values)}
    if CAMPAIGN in values:
        known["campaign_id"] = values[CAMPAIGN].removesuffix(f" {shard_of(values['id'])}")
    if values.get("attempt"):
        # A message that was sent at once was accepted at the same moment.
        known.setdefault("attempt_at", known.get("accepted_at", 0.0))
    if outcome := values.get("outcome"):
        words = (outcome.get(name, "") for name in ("reason", "description"))
        known["outcome"] = Outcome(OutcomeStatus(outcome["status"]), *words)
    return Message(
        id=values["id"],
        receipts=_receipts_from(values),
        clicks=tuple(sorted(map(_click_from, values.get("clicks", ())))),
        **known,
    )


def _known(plain: list[tuple[str, str, Any]], values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are stored as they are; a time is text."""
    return {
        field: seconds_of(values[name]) if its_type is float else its_type(values[name])
        for name, field, its_type in plain
        if name in values
    }


def plain_values(value: object) -> dict[str, Any]:
    """Return the fields of a value that has plain ones only."""
    return {field: getattr(value, field) for field in type(value).__annotations__}


def read_as[Value](its_class: type[Value], item: Item) -> Value:
    """Read such a value; what is not stored is empty."""
    plain = _plain(its_class)
    empty = {field: its_type() for _, field, its_type in plain}
    return its_class(**{**empty, **_known(plain, from_item(item))})


# ------------------------------------------------------------------------- outcomes and receipts
def outcome_values(outcome: Outcome) -> dict[str, str]:
    return {name: getattr(outcome, name) for name in ("status", "reason", "description")}


def receipt_name(receipt: Receipt) -> str:
    """Return the attribute that holds a receipt; a repeated one has the same."""
    return RECEIPT_PREFIX + hashlib.sha256(receipt.key.encode()).hexdigest()[:8]


def receipt_values(receipt: Receipt, known: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return a receipt as it is stored: of its ids, those that differ from its message's."""
    others = [one for one in RECEIPT_IDS if known.get(one) not in (None, getattr(receipt, one))]
    names = [*others, *(name for name, _, _ in _RECEIPT_FIELDS)]
    values = {"state": receipt.eightx8_state, **{name: getattr(receipt, name) for name in names}}
    if receipt.state != receipt.eightx8_state:
        values["means"] = receipt.state.value if receipt.state else _NOT_UNDERSTOOD
    return values


def _receipts_from(values: dict[str, Any]) -> tuple[Receipt, ...]:
    stored = [value for name, value in values.items() if name.startswith(RECEIPT_PREFIX)]
    receipts = (_receipt_from(one, values) for one in stored)
    return tuple(sorted(receipts, key=lambda receipt: (receipt.received_at, receipt.at)))


def _receipt_from(stored: dict[str, Any], message: dict[str, Any]) -> Receipt:
    ids = {name: stored.get(name) or message.get(name, "") for name in RECEIPT_IDS}
    # A row of 8x8's log may lack the word.
    word = stored.get("state", "")
    state = stored.get("means", word)
    return Receipt(
        client_message_id=message["id"],
        state=None if state == _NOT_UNDERSTOOD else State(state),
        eightx8_state=word,
        **ids,
        **_known(_RECEIPT_FIELDS, stored),
    )


def click_text(click: "Click") -> str:
    """Return a click as it is stored in the set ``clicks`` of its message."""
    return f"{click.key} {timestamp(click.at)}" if click.at else click.key


def _click_from(text: str) -> float:
    _, _, at = text.partition(" ")
    return seconds_of(at) if at else 0.0
