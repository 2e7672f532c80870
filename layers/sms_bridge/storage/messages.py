"""Where messages are kept: the interface that every step works against."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sms_bridge.rules.duplicates import ClaimKey
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.rules.send_results import SendResult


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim.

    Attributes
    ----------
    won
        Whether the message may be sent. If not, it is a repeat.
    message_id
        Of the new message, or of the one that it repeats.
    """

    won: bool
    message_id: str


class Effect(StrEnum):
    """What a receipt did."""

    MOVED = "moved"
    """The message is in a new state."""
    LATE = "late"
    """It says nothing new about the state; it is in the history."""
    REPEATED = "repeated"
    """It is in the history already."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The message after something was recorded.

    Attributes
    ----------
    outcome_is_new
        Whether this is what made the outcome due.
    """

    message: Message
    effect: Effect
    outcome_is_new: bool


class MessageStore(Protocol):
    """Keeps everything durable about a message.

    Every method is one atomic step (``record_receipt`` of a late receipt: two), so that a
    function may be killed between any two calls. Times are ISO 8601 UTC.
    """

    def claim(self, message: Message, key: ClaimKey | None, now: float) -> Claim:
        """Create a message in state ``sending``, unless it repeats another one.

        Of any number of simultaneous claims with the same key, one wins.

        Parameters
        ----------
        key
            ``None`` for a message that cannot be a repeat.
        now
            Seconds since the epoch.
        """

    def get(self, message_id: str) -> Message | None:
        """Return a message as it is now, ``None`` where there is none."""

    def record_result(self, message_id: str, result: SendResult, at: str) -> Recorded:
        """Record what came of sending, with the outcome if there is one already.

        A receipt may have come first: then the state stays.
        """

    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        """Move the state forward, record the outcome and keep the receipt in the history."""

    def record_told(self, message_id: str, at: str) -> None:
        """Record that MoEngage heard the outcome."""

    def record_refused(self, message_id: str, http_status: int, at: str) -> None:
        """Record that MoEngage refused the outcome for good."""

    def keep_inbound(self, inbound: InboundMessage, received_at: str) -> None:
        """Keep an inbound message; keeping it twice changes nothing."""

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:
        """Keep a callback that was not understood; keeping it twice changes nothing."""
