"""Messages as DynamoDB items, and back.

============================  ======================================================
``id``                        what the item is
============================  ======================================================
``{message id}``              a message
``umid {umid}``               receipts for a message that the bridge did not send
``inbound {umid}``            an SMS from a person
``event {hash}``              a callback that was not understood
``opt-out {person}``          what a person last asked a sub-account for, or (``*``) all of them
``replies {hash} {hour}``     whom the bridge has answered within an hour
``export {sub-account}``      the export of 8x8's log that is under way
``circuit moengage``          whether MoEngage is called (Powertools' circuit breaker)
============================  ======================================================

A message's attributes are named after its fields, but for those in ``STORED_NAMES``. Each receipt
is a map of its own, ``receipt {hash of what tells it apart}``: adding one needs no list that is
there already, and adding it twice is adding it once. Times are ISO 8601 in UTC.

DynamoDB charges each write of an item for every kilobyte of it, names and values, and a message is
written four times. So what is empty is not stored, and what the item tells elsewhere is not stored
with a receipt: a usual message stays within one kilobyte all its life. One that also has a written
answer and a failure takes a second one for its last two writes ($1.25 for a million of those).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, MessageType, Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.state import State
from sms_bridge.errors import UnreadableItemError

if TYPE_CHECKING:
    from sms_bridge.domain.callback_events import Click, InboundMessage

Item = dict[str, Any]
"""An item in DynamoDB's own notation, ``{"id": {"S": "..."}}``."""

RECEIPT_PREFIX = "receipt "
INBOUND_PREFIX = "inbound "
OPT_OUT_PREFIX = "opt-out "

STORED_NAMES = {
    "outcome_due_at": "due_at",
    "outcome_lease_owner": "lease_owner",
    "outcome_lease_until": "lease_until",
    "outcome_next_try_at": "next_try_at",
    "outcome_tries": "tries",
    "outcome_reported_at": "reported_at",
    "outcome_given_up": "given_up",
    "outcome_given_up_at": "given_up_at",
}
"""The attributes that are not named after their field of a message."""

CAMPAIGN = "campaign_shard"
"""Holds the campaign's id and, for the index by campaign, the message's shard."""

_OTHER_FORM = {
    "id",
    "state",
    "message_type",
    "campaign_id",
    "attempt_at",
    "outcome",
    "receipts",
    "clicks",
}

# The field, the attribute and the type of each that is stored as it is.
_PLAIN_FIELDS = [
    (field.name, STORED_NAMES.get(field.name, field.name), type(field.default))
    for field in fields(Message)
    if field.name not in _OTHER_FORM
]

_RECEIPT_FIELDS = (
    "detail",
    "at",
    "received_at",
    "error_code",
    "error_message",
    "price",
    "currency",
    "segments",
)

_RECEIPT_IDS = ("umid", "sub_account_id")

_NOT_UNDERSTOOD = "not understood"
"""Stands for the state of a receipt whose word the bridge does not know."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


# ------------------------------------------------------------------------------------- any item
def to_item(values: Mapping[str, Any]) -> Item:
    """Write values in DynamoDB's notation, leaving out what is empty; a float is a time."""
    return {
        name: _attribute(value)
        for name, value in values.items()
        if value is not None
        and value != ""
        and value != {}
        and not (isinstance(value, float) and not value)
    }


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
        return {"M": {name: _attribute(inner) for name, inner in stored.items()}}
    return _serialize(stored)


def _value(attribute: Any) -> Any:
    if "S" in attribute:
        return attribute["S"]
    if "M" in attribute:
        return from_item(attribute["M"])
    value = _deserialize(attribute)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


# ------------------------------------------------------------------------------------- messages
def message_values(message: Message) -> dict[str, Any]:
    """Return what a new message's item holds, but for the key."""
    values = {name: value for field, name, _ in _PLAIN_FIELDS if (value := getattr(message, field))}
    values["state"] = message.state.value
    if not message.closes_window:
        values["message_type"] = message.message_type.value
        values["open_shard"] = shard_of(message.id)
    if message.campaign_id:
        values[CAMPAIGN] = campaign_shard(message.campaign_id, shard_of(message.id))
    if message.attempt_at != message.accepted_at:
        values["attempt_at"] = message.attempt_at
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
        suffix = campaign_shard("", shard_of(values["id"]))
        known["campaign_id"] = values[CAMPAIGN].removesuffix(suffix)
    if values.get("attempt"):
        # A message that was sent at once was accepted at the same moment.
        at = values.get("attempt_at") or values.get("accepted_at")
        known["attempt_at"] = seconds_of(at) if at else 0.0
    outcome = values.get("outcome")
    return Message(
        id=values["id"],
        # Receipts may come before their message.
        state=State(values.get("state", State.SENDING)),
        outcome=outcome_from(outcome) if outcome else None,
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
    values = {
        "status": outcome.status.value,
        "reason": outcome.reason,
        "description": outcome.description,
    }
    return {name: value for name, value in values.items() if value}


def outcome_from(values: Mapping[str, str]) -> Outcome:
    return Outcome(
        OutcomeStatus(values["status"]), values.get("reason", ""), values.get("description", "")
    )


def receipt_name(receipt: Receipt) -> str:
    """Return the attribute that holds a receipt; a repeated one has the same."""
    return RECEIPT_PREFIX + hashlib.sha256(receipt.key.encode()).hexdigest()[:8]


def receipt_values(receipt: Receipt, *, is_mismatched: bool = False) -> dict[str, Any]:
    """Return a receipt as it is stored; one that names other ids than its message keeps them."""
    values = {"state": receipt.eightx8_state}
    names = (*_RECEIPT_FIELDS, *_RECEIPT_IDS) if is_mismatched else _RECEIPT_FIELDS
    values |= {name: value for name in names if (value := getattr(receipt, name))}
    if receipt.state != receipt.eightx8_state:
        values["means"] = receipt.state.value if receipt.state else _NOT_UNDERSTOOD
    return values


def _receipts_from(values: dict[str, Any]) -> tuple[Receipt, ...]:
    receipts = [
        _receipt_from(stored, values)
        for name, stored in values.items()
        if name.startswith(RECEIPT_PREFIX)
    ]
    return tuple(sorted(receipts, key=lambda receipt: (receipt.received_at, receipt.at)))


def _receipt_from(stored: dict[str, Any], message: dict[str, Any]) -> Receipt:
    ids = {name: stored.get(name) or message.get(name, "") for name in _RECEIPT_IDS}
    state = stored.get("means", stored["state"])
    facts = {name: stored[name] for name in _RECEIPT_FIELDS if name in stored}
    if "received_at" in facts:
        facts["received_at"] = seconds_of(facts["received_at"])
    return Receipt(
        client_message_id=message["id"],
        state=None if state == _NOT_UNDERSTOOD else State(state),
        eightx8_state=stored["state"],
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
# The field and the attribute of each.
_INBOUND_NAMES = ("sub_account_id", "source", "destination", "encoding", "segments")
_INBOUND_FIELDS = {"text": "body"} | {name: name for name in (*_INBOUND_NAMES, *_INBOUND_TIMES)}


def inbound_values(inbound: "InboundMessage") -> dict[str, Any]:
    """Return what an inbound message's item holds, but for the key."""
    return {name: getattr(inbound, field) for field, name in _INBOUND_FIELDS.items()}


def inbound_from(item: Item) -> "InboundMessage":
    from sms_bridge.domain.callback_events import InboundMessage

    values = {"sub_account_id": "", "source": "", "destination": "", "body": "", **from_item(item)}
    values |= {name: seconds_of(values[name]) for name in _INBOUND_TIMES if name in values}
    return InboundMessage(
        umid=values["id"].removeprefix(INBOUND_PREFIX),
        **{field: values[name] for field, name in _INBOUND_FIELDS.items() if name in values},
    )
