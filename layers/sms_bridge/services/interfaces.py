"""The interfaces that services work against; storage implements them, and so do fakes in memory.

The functions import them for type checking only: making a protocol takes time at start.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sms_bridge.domain.arrivals import (
    Click,
    InboundMessage,
    InboundWork,
    QueuedMessage,
    UnknownEvent,
)
from sms_bridge.domain.attempt import Recorded, SendResult
from sms_bridge.domain.message import Message, MessageRequest, Outcome, Position, Receipt, State
from sms_bridge.domain.opt_out import OptRequest, Person
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.errors import OnUnreadable


class MessageStore(Protocol):
    """Keeps everything durable about messages, and what else must be known for a while.

    Every method is one atomic step (recording something late: two), so that a function may be
    killed between any two calls. A call that is repeated because its answer was lost succeeds.
    Of many in one call each is done for itself; an exception stands for one that may or may not be
    done. Lists leave out what cannot be read. Times are seconds since the epoch.
    """

    def create(self, message: Message) -> Message | None:
        """Create a message unless its id is taken; returns the one that has it already."""

    def create_all(self, messages: Sequence[Message]) -> list[Message | Exception | None]:
        """Do the same for many messages, no two with the same id; answers in the same order."""

    def get(self, message_id: str) -> Message | None:
        """Return a message as it is now; ``UnreadableItemError`` where it cannot be read."""

    def get_outcome(self, message_id: str) -> Message | None:
        """Return a message with what it takes to report its outcome; the rest may be empty."""

    def begin_attempt(self, message_id: str, at: float) -> Recorded:
        """Take a waiting message out of ``waiting``. Of simultaneous calls, one moves it."""

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: float
    ) -> dict[str, Recorded | Exception]:
        """Do the same for many messages, most of which were never tried: see `FIRST_ATTEMPT`."""

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: float
    ) -> Recorded:
        """Record the result of an attempt, with the outcome if there is one already.

        The state stays if a receipt came first, and if the attempt is not the last one, unless 8x8
        gave the message a umid.
        """

    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        """Move the state forward, and an unreported outcome with it; keep the receipt."""

    def record_outcome(self, message_id: str, outcome: Outcome, at: float) -> Recorded:
        """Record an outcome that no receipt brought, unless there is one."""

    def lease_outcome(self, message_id: str, owner: str, at: float, until: float) -> bool:
        """Lease an outcome to one reporter until then; nobody else reports it meanwhile.

        An outcome that becomes due is leased to the record that its maker queues
        (``Message.outcome_lease_owner``). ``False`` while another lease runs, or its next try has
        not come. Of simultaneous calls, one succeeds.
        """

    def record_reported(self, message_id: str, outcome: Outcome, at: float) -> None:
        """Record what was reported to MoEngage, for good; the message is closed."""

    def record_not_acknowledged(self, message_id: str, owner: str, next_try_at: float) -> None:
        """End a lease after a report that failed: count it, and say when it is tried again."""

    def record_given_up(self, message_id: str, reason: str, at: float) -> None:
        """Record that the outcome lies in the dead-letter queue, and why."""

    def record_log(self, message_id: str, at: float, *, has_answered: bool) -> None:
        """Record when 8x8's log had no answer about a message, or since when it is silent."""

    def close(self, message_id: str) -> None:
        """Take a message without an outcome off the list of open ones."""

    def open_messages(
        self, *, since: float = 0.0, until: float, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Message]:
        """Return the messages accepted in a time span whose outcome is not reported yet.

        One that cannot be read is logged, or given to ``on_unreadable``.
        """

    def newest_first(
        self, *, recipient_hash: str = "", campaign_id: str = "", before: Position | None = None
    ) -> Iterator[Message]:
        """Return a recipient's messages, else a campaign's, from where a call stopped."""

    def keep_inbound(self, inbound: InboundMessage, *, sender_hash: str = "") -> str:
        """Keep an inbound message, to be found by the hash however the sender's number is written.

        Keeping it twice changes nothing. Returns its id.
        """

    def get_inbound(self, inbound_id: str) -> InboundMessage | None: ...

    def record_inbound_reported(self, inbound_id: str, at: float) -> None:
        """Record that MoEngage took an inbound message as an event, if it is still there."""

    def record_click(self, message_id: str, click: Click) -> None:
        """Record that a link was opened. The same click twice is one; so many are kept."""

    def count_reply(self, recipient_hash: str, umid: str, at: float, *, at_most: int) -> bool:
        """Return whether an inbound message may be answered, and count it; so many an hour.

        No more succeed if calls are simultaneous. Within the hour a repeat gets the same answer.
        """

    def keep_event(self, event: UnknownEvent, received_at: float) -> None:
        """Keep a callback that was not understood; keeping it twice changes nothing."""

    def get_export_job(self, sub_account_id: str) -> ExportJob | None:
        """Return the export of 8x8's log that is under way, at most one for each sub-account."""

    def put_export_job(self, job: ExportJob) -> None: ...
    def remove_export_job(self, sub_account_id: str) -> None: ...


class SendQueue(Protocol):
    """Takes messages that are to be sent later."""

    def add(self, message: Message, request: MessageRequest, *, delay_seconds: int = 0) -> None:
        """Queue a message. Queueing it twice is harmless: it is sent once.

        After ``NotQueuedError`` it is certainly not queued, after any other exception it may be.
        """

    def add_all(self, some: Sequence[tuple[Message, MessageRequest, int]]) -> set[str]:
        """Queue many messages, each with its delay; returns the ids of those proven not queued.

        Of the others some may not be, either, if the queue's answer did not come.
        """

    def postpone(self, waits: Sequence[tuple[QueuedMessage, int]]) -> None:
        """Hide messages that stay in the queue; one that cannot be hidden comes at its own time."""


class OutcomeQueue(Protocol):
    """Says that a message's outcome is to be reported."""

    def add(self, message_id: str, *, delay_seconds: int = 0, lease: str = "") -> None:
        """Queue a message's outcome, to be reported after a delay (at most 900 seconds).

        The caller who has just made it due names the owner of its lease.
        """

    def add_inbound(self, inbound_id: str, work: InboundWork) -> None: ...


class DeadLetterQueue(Protocol):
    """Keeps what could not be done."""

    def add(self, record: Mapping[str, Any], *, reason: str) -> None:
        """Put a record there, as it was in its queue, with the reason."""

    def move(self, record: Mapping[str, Any], *, reason: str) -> bool:
        """Do the same, if it can be done; returns whether the record may leave its queue."""


class OptOuts(Protocol):
    """Knows who opted out, of one sub-account's messages or of all, as the deployment says."""

    def is_opted_out(self, person: Person) -> bool: ...
    def opted_out_among(self, people: Iterable[Person]) -> set[Person]: ...

    def record(
        self, person: Person, opt_request: OptRequest, at: float, *, inbound_id: str = ""
    ) -> bool:
        """Record what a person asked for. An earlier request that comes late changes nothing.

        Of two at the same moment the opt-out holds. With ``EVERY_SUB_ACCOUNT`` as the person's
        sub-account, it is recorded for all of them only. Returns whether this is what opted the
        person out, or in again; the same for a repeat of the same inbound message.
        """
