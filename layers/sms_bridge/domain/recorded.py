"""What came of recording something about a message, or of asking for an attempt to send it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sms_bridge.domain.message import Message
from sms_bridge.domain.state import State


class Effect(StrEnum):
    """What a receipt, or the result of an attempt, did."""

    MOVED = "moved"  # the message is in a new state
    LATE = "late"  # nothing new about the state; it is in the history
    REPEATED = "repeated"  # it is in the history already
    MISMATCHED = "mismatched"  # it names another sub-account or umid than the message has


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recorded:
    """The message after something was recorded, and whether that made its outcome due."""

    message: Message
    effect: Effect
    outcome_is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Attempt:
    """The answer to a request to begin sending a waiting message."""

    begun: bool
    """Whether the attempt is the caller's."""
    state: State | None = None
    """Of the message, as it is now; ``None`` where there is no message that the bridge sends."""
    number: int = 0
    """How often it was tried, this time included."""
    is_ambiguous: bool = False
    """Whether 8x8 may have the message from an earlier attempt."""
    outcome_is_open: bool = False
    """Not begun, but MoEngage still has to hear the outcome."""

    @classmethod
    def of(cls, message: Message | None, *, begun: bool) -> "Attempt":
        if message is None or not message.accepted_at:
            return cls(begun=begun)
        return cls(
            begun=begun,
            state=message.state,
            number=message.attempt,
            is_ambiguous=bool(message.ambiguous_since),
            outcome_is_open=not begun and message.outcome_is_open,
        )


FIRST_ATTEMPT = Attempt(begun=True, state=State.SENDING, number=1)


class Position(NamedTuple):
    """A message's place among others, by when it was accepted."""

    accepted_at: float
    message_id: str

    @classmethod
    def of(cls, message: Message) -> "Position":
        return cls(message.accepted_at, message.id)
