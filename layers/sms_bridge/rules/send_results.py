"""What came of an attempt to send, as a value."""

from dataclasses import dataclass
from enum import StrEnum

from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import Outcome
from sms_bridge.rules.outcomes import outcome_of_failure


class Verdict(StrEnum):
    """What is known about an attempt: all that a decision to send again may rest on."""

    ACCEPTED = "accepted"
    """8x8 has the message."""
    PERMANENT = "permanent"
    """8x8 refused it and would refuse it again."""
    THROTTLED = "throttled"
    """8x8 refused it for now; it may be sent again later."""
    NOT_SENT = "not_sent"
    """It never left, or 8x8 said that it is not there; it may be sent again."""
    AMBIGUOUS = "ambiguous"
    """It was written and no answer tells what became of it: 8x8 may have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The result of one attempt.

    Attributes
    ----------
    reason
        A stable code, empty when accepted.
    description
        The same for people; never holds number, text or key.
    http_status
        0 where there was no answer.
    retry_after
        Seconds that 8x8 asked to wait for, where it did.
    """

    verdict: Verdict
    reason: str = ""
    description: str = ""
    http_status: int = 0
    umid: str = ""
    encoding: str = ""
    eightx8_code: str = ""
    eightx8_error_id: str = ""
    retry_after: float | None = None

    @property
    def state(self) -> State:
        """The state that the message is in now."""
        if self.verdict is Verdict.ACCEPTED:
            return State.QUEUED
        if self.verdict is Verdict.AMBIGUOUS:
            return State.UNKNOWN
        # 8x8 has the message on its books, as rejected, when it gave it a umid.
        return State.REJECTED if self.umid else State.FAILED

    @property
    def outcome(self) -> Outcome | None:
        """What MoEngage is to hear, ``None`` while a receipt is expected."""
        if self.verdict in (Verdict.ACCEPTED, Verdict.AMBIGUOUS):
            return None
        return outcome_of_failure(self.reason, self.description)
