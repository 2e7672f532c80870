"""Messages as DynamoDB items, and back.

============================  ======================================================
``id``                        what the item is
============================  ======================================================
``{message id}``              a message
``umid {umid}``               receipts for a message that the bridge did not send
``inbound {umid}``            an SMS from a person
``event {hash}``              a callback that was not understood
``opt-out {person}``          a person who does not want to be texted by a sub-account
``export {sub-account}``      the export of 8x8's log that is under way
============================  ======================================================

A receipt is an attribute of its own, named ``receipt {key}``: adding one needs no list that is
there already, and adding it twice is adding it once.

DynamoDB charges each write of an item for every kilobyte of it, names and values, and a message is
written four times. So names are short words, and what can be told from something else in the item
is not stored: a usual message stays within one kilobyte all its life.
"""

from dataclasses import fields
from typing import Any

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import (
    InboundMessage,
    Message,
    MessageType,
    Outcome,
    OutcomeStatus,
    Receipt,
)
from sms_bridge.domain.outcome import SECONDS_HELD_FOR_THE_FIRST
from sms_bridge.domain.state import State

Item = dict[str, Any]
"""An item in DynamoDB's own notation, ``{"id": {"S": "..."}}``."""

RECEIPT_PREFIX = "receipt "
INBOUND_PREFIX = "inbound "

STORED_NAMES = {
    "message_type": "type",
    "outcome_due_at": "due_at",
    "outcome_next_try_at": "next_try_at",
    "outcome_tries": "tries",
    "outcome_reported_at": "reported_at",
    "outcome_given_up": "given_up",
    "outcome_given_up_at": "given_up_at",
}
"""The attributes that are not named after their field of a message."""

CAMPAIGN = "campaign"
"""Holds the campaign's id and, for the index by campaign, the message's shard."""

_FIELDS_OF_THEIR_OWN_FORM = ("id", "state", "campaign_id", "attempt_at", "outcome", "receipts")

# The field and the attribute of each that is stored as it is.
_PLAIN_FIELDS = [
    (field.name, STORED_NAMES.get(field.name, field.name))
    for field in fields(Message)
    if field.name not in _FIELDS_OF_THEIR_OWN_FORM
]

_STATES = {state.value: state for state in State}
_MESSAGE_TYPES = {message_type.value: message_type for message_type in MessageType}


def attributes(values: dict[str, Any]) -> Item:
    """Write values in DynamoDB's notation, leaving out what is empty."""
    return {
        name: {"S": value} if type(value) is str else _noted(value)
        for name, value in values.items()
        if value != "" and value is not None
    }


def _noted(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case dict():
            return {"M": {name: _noted(inner) for name, inner in value.items()}}
    raise TypeError(f"no item holds a {type(value).__name__}")


def _values_of(item: Item) -> dict[str, Any]:
    """Read an item; what the bridge does not write, such as a set, is left out."""
    values: dict[str, Any] = {}
    for name, noted in item.items():
        # Most are texts.
        if "S" in noted:
            values[name] = noted["S"]
        elif "N" in noted:
            values[name] = int(noted["N"])
        elif "M" in noted:
            values[name] = _values_of(noted["M"])
        elif "BOOL" in noted:
            values[name] = noted["BOOL"]
    return values


def message_attributes(message: Message) -> dict[str, Any]:
    """Return what a new message's item holds, without the key and the state."""
    values = {}
    for field, name in _PLAIN_FIELDS:
        value = getattr(message, field)
        if value:
            values[name] = value
    if message.campaign_id:
        values[CAMPAIGN] = campaign_shard(message.campaign_id, shard_of(message.id))
    if message.attempt_at and not _is_first_attempt(message):
        values["attempt_at"] = message.attempt_at
    return values


def shard_of(message_id: str) -> str:
    """Return where a message is among those that an index keeps apart, so that none is hot."""
    return message_id[0]


def campaign_shard(campaign_id: str, shard: str) -> str:
    """Return what the index by campaign holds a campaign's messages under."""
    return f"{campaign_id} {shard}"


def _is_first_attempt(message: Message) -> bool:
    """Tell whether a message was sent at once: the moment is that of its acceptance."""
    return message.attempt > 0 and message.attempt_at == message.accepted_at


def outcome_attributes(outcome: Outcome, at: str) -> dict[str, Any]:
    """Return an outcome as it is stored when it becomes due: held for the first to tell it."""
    stored = {"status": outcome.status.value}
    if outcome.reason:
        stored["reason"] = outcome.reason
    if outcome.description:
        stored["description"] = outcome.description
    return {
        "outcome": stored,
        "due_at": at,
        "next_try_at": timestamp(seconds_of(at) + SECONDS_HELD_FOR_THE_FIRST),
    }


def receipt_attribute(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as it is stored; what its name and the message's item tell is left out."""
    stored = {
        name: value
        for name, value in (
            ("received_at", receipt.received_at),
            ("error_message", receipt.error_message),
            ("price", receipt.price),
            ("currency", receipt.currency),
            ("segments", receipt.segments),
        )
        if value
    }
    if receipt.state is not _STATES.get(receipt.eightx8_state):
        stored["means"] = receipt.state.value if receipt.state else ""
    named = (receipt.at, receipt.eightx8_state, receipt.detail, receipt.error_code)
    if named != _named_in(receipt.key):
        stored |= zip(("at", "state", "detail", "error_code"), named, strict=True)
    return stored


def _named_in(key: str) -> tuple[str, ...]:
    """Take a receipt's key apart: time, state, detail and error code, if none has a blank."""
    return (*key.split(" "), "", "", "")[:4]


def inbound_attributes(inbound: InboundMessage) -> dict[str, Any]:
    """Return an inbound message as it is stored, without the key and the time of its receipt."""
    return {
        "sub_account_id": inbound.sub_account_id,
        "source": inbound.source,
        "destination": inbound.destination,
        "body": inbound.text,
        "encoding": inbound.encoding,
        "segments": inbound.segments,
        "sent_at": inbound.sent_at,
    }


def inbound_from(item: Item) -> InboundMessage:
    """Read an inbound message's item."""
    values = _values_of(item)
    return InboundMessage(
        umid=values["id"].removeprefix(INBOUND_PREFIX),
        sub_account_id=values.get("sub_account_id", ""),
        source=values.get("source", ""),
        destination=values.get("destination", ""),
        text=values.get("body", ""),
        encoding=values.get("encoding", ""),
        segments=values.get("segments", 0),
        sent_at=values.get("sent_at", ""),
        received_at=values.get("received_at", ""),
    )


def message_from(item: Item) -> Message:
    """Read a message's item."""
    values = _values_of(item)
    known = {field: values[name] for field, name in _PLAIN_FIELDS if name in values}
    if "type" in values:
        known["message_type"] = _MESSAGE_TYPES[values["type"]]
    if CAMPAIGN in values:
        known["campaign_id"] = values[CAMPAIGN].removesuffix(
            campaign_shard("", shard_of(values["id"]))
        )
    if "attempt_at" in values:
        known["attempt_at"] = values["attempt_at"]
    elif "attempt" in values:
        known["attempt_at"] = values.get("accepted_at", "")
    outcome = values.get("outcome")
    return Message(
        id=values["id"],
        state=_STATES[values["state"]] if "state" in values else State.SENDING,
        outcome=Outcome(
            OutcomeStatus(outcome["status"]),
            outcome.get("reason", ""),
            outcome.get("description", ""),
        )
        if outcome
        else None,
        receipts=_receipts_of(values),
        **known,
    )


def _receipts_of(values: dict[str, Any]) -> tuple[Receipt, ...]:
    receipts = [
        _receipt_from(name.removeprefix(RECEIPT_PREFIX), stored, values)
        for name, stored in values.items()
        if name.startswith(RECEIPT_PREFIX)
    ]
    return tuple(sorted(receipts, key=lambda receipt: (receipt.received_at, receipt.at)))


def _receipt_from(key: str, stored: dict[str, Any], values: dict[str, Any]) -> Receipt:
    at, eightx8_state, detail, error_code = _named_in(key)
    if "at" in stored:
        at, eightx8_state = stored["at"], stored["state"]
        detail, error_code = stored["detail"], stored["error_code"]
    return Receipt(
        umid=values.get("umid", ""),
        client_message_id=values["id"],
        sub_account_id=values.get("sub_account_id", ""),
        state=_STATES.get(stored.get("means", eightx8_state)),
        eightx8_state=eightx8_state,
        detail=detail,
        at=at,
        received_at=stored.get("received_at", ""),
        error_code=error_code,
        error_message=stored.get("error_message", ""),
        price=stored.get("price", ""),
        currency=stored.get("currency", ""),
        segments=stored.get("segments", 0),
    )
