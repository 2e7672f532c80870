"""What came of an attempt to send a message, and of recording something about one."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State


class Verdict(StrEnum):
    """What is known after an attempt; a retry is decided by this alone."""

    ACCEPTED = "accepted"  # 8x8 has the message
    PERMANENT = "permanent"  # 8x8 refused it and would refuse it again
    THROTTLED = "throttled"  # 8x8 refused it for now; it may be sent again later
    NOT_SENT = "not_sent"  # it never left, or 8x8 does not have it; it may be sent again
    AMBIGUOUS = "ambiguous"  # it was written, and no answer tells whether 8x8 has it


@dataclass(frozen=True, slots=True, eq=False)
class SendResult:
    """The result of one attempt."""

    verdict: Verdict
    reason: str = ""
    """A stable code, empty when accepted."""
    description: str = ""
    """The same for people; never holds number, text or key."""
    http_status: int = 0
    """0 where there was no answer."""
    umid: str = ""
    encoding: str = ""
    eightx8_code: str = ""
    eightx8_error_id: str = ""
    retry_after: float | None = None
    """Seconds that 8x8 asked to wait for, where it did."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the message if this is its end, ``None`` while it is not."""
        if self.verdict is not Verdict.PERMANENT:
            return None
        return Outcome(OutcomeStatus.FAILED, self.reason, self.description)


EXPIRED = SendResult(
    Verdict.PERMANENT, "expired", "The message could not be sent within its time to live"
)


def message_after(message: Message, result: SendResult, state: State) -> Message:
    """Return what is known of a message after an attempt of which nothing is written down."""
    return replace(
        message,
        state=state,
        umid=result.umid,
        encoding=result.encoding or message.encoding,
        reason=result.reason,
        description=result.description,
    )


class Effect(StrEnum):
    """What a receipt, or the result of an attempt, did."""

    MOVED = "moved"  # the message is in a new state
    LATE = "late"  # nothing new about the state; it is in the history
    REPEATED = "repeated"  # it is in the history already
    MISMATCHED = "mismatched"  # it names another sub-account than the message has


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
