"""What 8x8 calls back about, beside receipts. Times are seconds since the epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class InboundMessage:
    """An SMS that a person sent to one of the account's numbers."""

    umid: str
    sub_account_id: str
    source: str
    destination: str
    text: str
    encoding: str = ""
    segments: int = 0
    sent_at: float = 0.0
    """By 8x8's clock, never later than it was received; 0 in doubt."""
    received_at: float = 0.0
    reported_at: float = 0.0
    """When MoEngage took it as an event; 0 before that."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnknownEvent:
    """A callback that the bridge does not understand, kept without the numbers in it."""

    key: str
    """The same for an event that 8x8 repeats."""
    event_type: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Click:
    """Somebody opened a link that 8x8 had shortened. The link itself is not kept."""

    umid: str
    """8x8's id of the message; the event names no other."""
    destination: str
    """The recipient, by whom the message is found."""
    key: str
    """The same for an event that 8x8 repeats."""
    at: float
    """0 in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OtherEvent:
    """An event of 8x8's that has nothing to do with the bridge's messages; it is not kept."""

    event_type: str
