"""Where messages are kept: the interface that every step works against."""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from sms_bridge.domain.message import (
    InboundMessage,
    Message,
    MessageRequest,
    Outcome,
    Receipt,
    UnknownEvent,
)
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
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
    is_ambiguous
        Whether 8x8 may have the message from an earlier attempt.
    """

    begun: bool
    state: State | None = None
    number: int = 0
    is_ambiguous: bool = False

    @classmethod
    def of(cls, message: Message | None, *, begun: bool) -> "Attempt":
        """Return the answer for a message as it is now."""
        if message is None or not message.accepted_at:
            return cls(begun=begun)
        return cls(
            begun=begun,
            state=message.state,
            number=message.attempt,
            is_ambiguous=bool(message.ambiguous_since),
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

    def record_reported(self, message_id: str, at: str) -> None:
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


class SendQueue(Protocol):
    """Takes messages that are to be sent later."""

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """Queue a message. Queueing it twice is harmless: it is sent once."""


Report = Callable[[str, int], int | None]
"""Tells a message's outcome; returns the seconds until it is told again, None when done. Is given
how often the record that the outcome is held for was received, 0 for any other record."""


class OutcomeQueue(Protocol):
    """Says that a message's outcome is to be told."""

    def add(self, message_id: str, *, delay_seconds: int = 0, is_first: bool = False) -> None:
        """Queue a message's outcome, to be told after a delay (at most 900 seconds).

        Parameters
        ----------
        is_first
            Whether the caller has just made it due, so that it is held for this record.
        """


class DeadLetterQueue(Protocol):
    """Keeps what could not be done."""

    def add(self, body: str, *, reason: str) -> None:
        """Put a record there, as it was in its queue, with the reason."""

    def take_out(self, bodies: Set[str]) -> int:
        """Delete the records with these bodies; returns how many there were."""


Person = tuple[str, str]
"""Somebody who gets messages: the sub-account that sends them, and the hash of the number."""


class OptOuts(Protocol):
    """Knows who opted out of which sub-account's messages."""

    def is_opted_out(self, person: Person) -> bool:
        """Tell whether a person opted out."""

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        """Return those of many people who opted out."""

    def record(self, person: Person, opt_request: OptRequest, at: str) -> None:
        """Record what a person asked for. An earlier wish that comes late changes nothing."""


@value()
class ExportJob:
    """An export that 8x8 was asked for.

    Attributes
    ----------
    since, asked_at
        The span that it covers, ISO 8601 UTC.
    """

    sub_account_id: str
    job_id: str
    since: str
    asked_at: str


class ExportJobs(Protocol):
    """Remembers at most one export for each sub-account."""

    def get(self, sub_account_id: str) -> ExportJob | None:
        """Return the export that is under way."""

    def put(self, job: ExportJob) -> None:
        """Remember an export, in place of the last one."""

    def remove(self, sub_account_id: str) -> None:
        """Forget the export: it is read, or came to nothing."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that holds a person's number and is no message to them.

    Attributes
    ----------
    received_at
        ISO 8601 UTC.
    is_inbound
        Whether it is an SMS from the person; else it is a callback that was not understood.
    """

    id: str
    received_at: str
    is_inbound: bool


class PersonData(Protocol):
    """Finds and removes what is known of a person."""

    def anonymise(self, message_id: str) -> bool:
        """Take the recipient off a message: what became of it stays.

        Returns
        -------
        bool
            Whether there was such a message.
        """

    def traces_of(self, number: str) -> Iterator[Trace | None]:
        """Read everything, and return what holds a number; ``None`` after each page read."""

    def delete(self, trace: Trace) -> None:
        """Delete it; deleting it twice changes nothing."""
