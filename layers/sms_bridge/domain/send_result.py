"""The result of an attempt to send, as a value."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import State


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
