"""Where messages are kept: the interface that every step works against."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.rules.send_results import SendResult
from sms_bridge.values import value


class Effect(StrEnum):
    """What a receipt, or the result of an attempt, did."""

    MOVED = "moved"
    """The message is in a new state."""
    LATE = "late"
    """It says nothing new about the state; it is in the history."""
    REPEATED = "repeated"
    """It is in the history already."""


@value()
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


@value(kw_only=True)
class Attempt:
    """The answer to who wants to send a waiting message.

    Attributes
    ----------
    begun
        Whether the attempt is the caller's.
    state
        Of the message, as it is now; ``None`` where there is no message that the bridge sends.
    number
        How often it was tried, this time included.
    is_in_doubt
        Whether 8x8 may have the message from an earlier attempt.
    """

    begun: bool
    state: State | None = None
    number: int = 0
    is_in_doubt: bool = False

    @classmethod
    def of(cls, message: Message | None, *, begun: bool) -> "Attempt":
        """Return the answer for a message as it is now."""
        if message is None or not message.accepted_at:
            return cls(begun=begun)
        return cls(
            begun=begun,
            state=message.state,
            number=message.attempt,
            is_in_doubt=bool(message.in_doubt_since),
        )


FIRST_ATTEMPT = Attempt(begun=True, state=State.SENDING, number=1)


class Position(NamedTuple):
    """A message's place among others, by when it was accepted."""

    accepted_at: str
    message_id: str

    @classmethod
    def of(cls, message: Message) -> "Position":
        """Return the place of a message."""
        return cls(message.accepted_at, message.id)


class MessageStore(Protocol):
    """Keeps everything durable about a message.

    Every method is one atomic step (recording something late: two), so that a function may be
    killed between any two calls. Times are ISO 8601 UTC.
    """

    def create(self, message: Message) -> Message | None:
        """Create a message unless its id is taken.

        Returns
        -------
        Message or None
            The message that has the id already; ``None`` when this one was created.
        """

    def get(self, message_id: str) -> Message | None:
        """Return a message as it is now, ``None`` where there is none."""

    def begin_attempt(self, message_id: str, at: str) -> Attempt:
        """Take a waiting message out of ``waiting``. Of simultaneous calls, one begins."""

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: str
    ) -> dict[str, Attempt | Exception]:
        """Do the same for many messages, most of which were never tried, each for itself.

        Returns
        -------
        dict
            An exception for each message of which nobody knows whether its attempt is begun.
        """

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: str
    ) -> Recorded:
        """Record what came of an attempt, with the outcome if there is one already.

        A receipt may have come first: then the state stays. So it does when the attempt is not
        the last one, unless 8x8 gave the message a umid.
        """

    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        """Move the state forward, record the outcome and keep the receipt in the history."""

    def record_outcome(self, message_id: str, outcome: Outcome, at: str) -> Recorded:
        """Record an outcome that no receipt brought, unless there is one."""

    def hold_outcome(self, message_id: str, at: str, until: str) -> bool:
        """Keep an outcome for the caller until then; nobody else tells it meanwhile.

        Returns
        -------
        bool
            ``False`` while its next try has not come. Of simultaneous calls, one succeeds.
        """

    def record_told(self, message_id: str, at: str) -> None:
        """Record that MoEngage heard the outcome; the message is closed."""

    def record_not_taken(self, message_id: str, next_try_at: str) -> None:
        """Record that telling the outcome failed, and when it is told again."""

    def record_given_up(self, message_id: str, reason: str, at: str) -> None:
        """Record that the outcome lies in the dead-letter queue, and why."""

    def record_replayed(self, message_id: str) -> None:
        """Make an outcome that was given up due again, with all its tries."""

    def close(self, message_id: str) -> None:
        """Take a message without an outcome off the list of open ones."""

    def open_messages(self, *, until: str) -> Iterator[Message]:
        """Return the messages accepted until then whose outcome MoEngage has not heard."""

    def messages_to(
        self, recipient_hash: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        """Return the messages to one recipient, the newest first.

        Parameters
        ----------
        before
            Where an earlier call stopped.
        """

    def messages_of_campaign(
        self, campaign_id: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        """Return the messages of a campaign, the newest first, from where a call stopped."""

    def given_up_messages(self, *, since: str, until: str) -> Iterator[Message]:
        """Return the messages accepted in a time span whose outcome was given up."""

    def keep_inbound(self, inbound: InboundMessage) -> str:
        """Keep an inbound message; keeping it twice changes nothing. Returns its id."""

    def get_inbound(self, inbound_id: str) -> InboundMessage | None:
        """Return an inbound message, ``None`` where there is none."""

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:
        """Keep a callback that was not understood; keeping it twice changes nothing."""
