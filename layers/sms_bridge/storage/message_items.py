"""Messages as DynamoDB items, and back.

============================  ======================================================
``id``                        what the item is
============================  ======================================================
``{message id}``              a message
``umid {umid}``               receipts for a message that the bridge did not send
``inbound {umid}``            an SMS from a person
``event {hash}``              a callback that was not understood
``opt-out {hash}``            a person who does not want to be texted by a sub-account
``export {sub-account}``      the export of 8x8's log that is under way
============================  ======================================================

A receipt is an attribute of its own, named ``receipt {key}``: adding one needs no list that is
there already, and adding it twice is adding it once.
"""

from dataclasses import fields
from typing import Any

from sms_bridge.clock import seconds_of, timestamp
from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, Told
from sms_bridge.rules.outcomes import SECONDS_HELD_FOR_THE_FIRST

Item = dict[str, Any]
"""An item in DynamoDB's own notation, ``{"id": {"S": "..."}}``."""

RECEIPT_PREFIX = "receipt "
INBOUND_PREFIX = "inbound "

_PLAIN_FIELDS: dict[str, Any] = {
    field.name: field.type
    for field in fields(Message)
    if field.name not in ("id", "state", "outcome", "receipts")
}


def attributes(values: dict[str, Any]) -> Item:
    """Write values in DynamoDB's notation, leaving out what is empty."""
    return {name: _noted(value) for name, value in values.items() if value not in ("", None)}


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
        [(kind, value)] = noted.items()
        if kind in ("S", "BOOL"):
            values[name] = value
        elif kind == "N":
            values[name] = int(value)
        elif kind == "M":
            values[name] = _values_of(value)
    return values


def message_attributes(message: Message) -> dict[str, Any]:
    """Return what a new message's item holds, without the key and the state."""
    values = {name: getattr(message, name) for name in _PLAIN_FIELDS}
    return {name: value for name, value in values.items() if value}


def outcome_attributes(outcome: Outcome, at: str) -> dict[str, Any]:
    """Return an outcome as it is stored when it becomes due: held for the first to tell it."""
    return {
        "outcome": {
            "status": outcome.status.value,
            "reason": outcome.reason,
            "description": outcome.description,
        },
        "outcome_due_at": at,
        "outcome_next_try_at": timestamp(seconds_of(at) + SECONDS_HELD_FOR_THE_FIRST),
    }


def receipt_attribute(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as it is stored; what the message's item tells is left out."""
    return {
        name: value
        for name, value in (
            ("state", receipt.eightx8_state),
            ("means", receipt.state.value if receipt.state else ""),
            ("detail", receipt.detail),
            ("at", receipt.at),
            ("received_at", receipt.received_at),
            ("error_code", receipt.error_code),
            ("error_message", receipt.error_message),
            ("price", receipt.price),
            ("currency", receipt.currency),
            ("segments", receipt.segments),
        )
        if value
    }


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
    known: dict[str, Any] = {
        name: kind(values[name]) for name, kind in _PLAIN_FIELDS.items() if name in values
    }
    outcome = values.get("outcome")
    return Message(
        id=values["id"],
        state=State(values.get("state", State.SENDING)),
        outcome=Outcome(Told(outcome["status"]), outcome["reason"], outcome["description"])
        if outcome
        else None,
        receipts=_receipts_of(values),
        **known,
    )


def _receipts_of(values: dict[str, Any]) -> tuple[Receipt, ...]:
    receipts = [
        Receipt(
            umid=values.get("umid", ""),
            client_message_id=values["id"],
            sub_account_id=values.get("sub_account_id", ""),
            state=State(stored["means"]) if "means" in stored else None,
            eightx8_state=stored.get("state", ""),
            detail=stored.get("detail", ""),
            at=stored.get("at", ""),
            received_at=stored.get("received_at", ""),
            error_code=stored.get("error_code", ""),
            error_message=stored.get("error_message", ""),
            price=stored.get("price", ""),
            currency=stored.get("currency", ""),
            segments=stored.get("segments", 0),
        )
        for name, stored in values.items()
        if name.startswith(RECEIPT_PREFIX)
    ]
    return tuple(sorted(receipts, key=lambda receipt: (receipt.received_at, receipt.at)))
