"""Messages as DynamoDB items, and back: ``docs/architecture.md`` lists the items by their ids.

A message's attributes are named after its fields, without the ``outcome_`` of some; what is empty,
or is told elsewhere in the item, is not stored. Each receipt is a map of its own: adding one needs
no list that is there already, and adding it twice is adding it once. Times are ISO 8601 in UTC.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt, State
from sms_bridge.errors import UnreadableItemError

if TYPE_CHECKING:
    from sms_bridge.domain.arrivals import Click, InboundMessage

Item = dict[str, Any]
"""An item in DynamoDB's own notation, ``{"id": {"S": "..."}}``."""

RECEIPT_PREFIX = "receipt "
INBOUND_PREFIX = "inbound "
OPT_OUT_PREFIX = "opt-out "

CAMPAIGN = "campaign_shard"
"""Holds the campaign's id and, for the index by campaign, the message's shard."""

_OTHER_FORM = {"id", "state", "message_type", "campaign_id", "outcome", "receipts", "clicks"}

# The field, the attribute and the type of each that is stored as it is.
_PLAIN_FIELDS = [
    (field.name, field.name.removeprefix("outcome_"), type(field.default))
    for field in fields(Message)
    if field.name not in _OTHER_FORM
]

RECEIPT_IDS = ("umid", "sub_account_id")

# What a receipt may lack.
_RECEIPT_FIELDS = [field.name for field in fields(Receipt) if field.default is not MISSING]

_NOT_UNDERSTOOD = "not understood"
"""Stands for the state of a receipt whose word the bridge does not know."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


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


# ------------------------------------------------------------------------------------- messages
def message_values(message: Message) -> dict[str, Any]:
    """Return what a new message's item holds, but for the key."""
    values = {name: getattr(message, field) for field, name, _ in _PLAIN_FIELDS}
    values["state"] = message.state.value
    if not message.closes_window:
        values["message_type"] = message.message_type.value
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
    known = {
        field: _read(values[name], its_type)
        for field, name, its_type in _PLAIN_FIELDS
        if name in values
    }
    if "message_type" in values:
        known["message_type"] = MessageType(values["message_type"])
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
        # Receipts may come before their message.
        state=State(values.get("state", State.SENDING)),
        receipts=_receipts_from(values),
        clicks=tuple(sorted(map(_click_from, values.get("clicks", ())))),
        **known,
    )


def _read(value: Any, its_type: type) -> Any:
    if type(value) is not (str if its_type is float else its_type):
        raise TypeError
    return seconds_of(str(value)) if its_type is float else value


# ------------------------------------------------------------------------- outcomes and receipts
def outcome_values(outcome: Outcome) -> dict[str, str]:
    return {name: getattr(outcome, name) for name in ("status", "reason", "description")}


def receipt_name(receipt: Receipt) -> str:
    """Return the attribute that holds a receipt; a repeated one has the same."""
    return RECEIPT_PREFIX + hashlib.sha256(receipt.key.encode()).hexdigest()[:8]


def receipt_values(receipt: Receipt, *, names_others: bool = False) -> dict[str, Any]:
    """Return a receipt as it is stored; one that names other ids than its message keeps them."""
    names = (*_RECEIPT_FIELDS, *RECEIPT_IDS) if names_others else _RECEIPT_FIELDS
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
    facts = {name: stored[name] for name in _RECEIPT_FIELDS if name in stored}
    if "received_at" in facts:
        facts["received_at"] = seconds_of(facts["received_at"])
    return Receipt(
        client_message_id=message["id"],
        state=None if state == _NOT_UNDERSTOOD else State(state),
        eightx8_state=word,
        **ids,
        **facts,
    )


def click_text(click: "Click") -> str:
    """Return a click as it is stored in the set ``clicks`` of its message."""
    return f"{click.key} {timestamp(click.at)}" if click.at else click.key


def _click_from(text: str) -> float:
    _, _, at = text.partition(" ")
    return seconds_of(at) if at else 0.0


# ----------------------------------------------------------------------------- inbound messages
_INBOUND_TIMES = ("sent_at", "received_at", "reported_at")
_INBOUND_TEXTS = ("text", "sub_account_id", "source", "destination", "encoding")
_INBOUND_FIELDS = (*_INBOUND_TEXTS, "segments", *_INBOUND_TIMES)


def inbound_values(inbound: "InboundMessage") -> dict[str, Any]:
    """Return what an inbound message's item holds, but for the key."""
    return {name: getattr(inbound, name) for name in _INBOUND_FIELDS}


def inbound_from(item: Item) -> "InboundMessage":
    from sms_bridge.domain.arrivals import InboundMessage

    values = {**dict.fromkeys(_INBOUND_TEXTS, ""), **from_item(item)}
    values |= {name: seconds_of(values[name]) for name in _INBOUND_TIMES if name in values}
    known = {name: values[name] for name in _INBOUND_FIELDS if name in values}
    return InboundMessage(umid=values["id"].removeprefix(INBOUND_PREFIX), **known)
