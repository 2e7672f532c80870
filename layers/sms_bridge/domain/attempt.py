"""Attempts to send a message: what came of one, and when there may be another.

Only if 8x8 is proven not to have the message; what proves it is in the table of its answers.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State

_MAX_TRIES_AT_ONCE = 3

# In the send queue: quick at first, then every five minutes until the message's time is over.
_FIRST_WAIT = 5
_MAX_WAIT = 300
_MAX_RETRY_AFTER = 900


class Verdict(StrEnum):
    """What is known after an attempt; a retry is decided by this alone."""

    ACCEPTED = "accepted"  # 8x8 has the message
    PERMANENT = "permanent"  # 8x8 refused it and would refuse it again
    THROTTLED = "throttled"  # 8x8 refused it for now; it may be sent again later
    NOT_SENT = "not_sent"  # it never left, or 8x8 does not have it; it may be sent again
    AMBIGUOUS = "ambiguous"  # it was written, and no answer tells whether 8x8 has it


@dataclass(frozen=True, slots=True, eq=False)
class SendResult:
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
    def failure(self) -> Outcome:
        """The outcome of the message if this is its end."""
        return Outcome(OutcomeStatus.FAILED, self.reason, self.description)

    def is_to_be_written(self, *, is_scheduled: bool) -> bool:
        """Return whether the result has to be recorded.

        That 8x8 accepted the message has not: the first receipt says so seconds later, or else
        8x8's log. A scheduled message has neither for a long time.
        """
        return is_scheduled or self.verdict is not Verdict.ACCEPTED

    def applied_to(self, message: Message, state: State) -> Message:
        """Return what is known of the message when nothing was written down."""
        return replace(
            message,
            state=state,
            umid=self.umid,
            encoding=self.encoding or message.encoding,
            reason=self.reason,
            description=self.description,
        )

    def wait_in_queue(self, *, tries: int, chance: float) -> int:
        """Return the seconds for which a message that may be sent again stays in the queue."""
        planned = min(_FIRST_WAIT * 2 ** min(tries - 1, 10), _MAX_WAIT)
        asked = min(self.retry_after or 0.0, _MAX_RETRY_AFTER)
        return max(1, round(max(jittered(planned, chance), asked)))


EXPIRED = SendResult(
    Verdict.PERMANENT, "expired", "The message could not be sent within its time to live"
)
OPTED_OUT = SendResult(Verdict.PERMANENT, "opted_out", "The recipient asked not to be texted")


class Effect(StrEnum):
    """What recording a receipt, an attempt or its result did."""

    MOVED = "moved"  # the message is in a new state
    LATE = "late"  # nothing new about the state; it is in the history
    REPEATED = "repeated"  # it is in the history already
    MISMATCHED = "mismatched"  # it names another sub-account than the message has


class Recorded(NamedTuple):
    """The message after something was recorded, and whether that made its outcome due."""

    message: Message
    effect: Effect
    outcome_is_new: bool = False


FIRST_ATTEMPT = Recorded(Message(id="", state=State.SENDING, attempt=1), Effect.MOVED)
"""A first attempt is begun. What else is known of the message is not read."""


class AmbiguousSendPolicy(StrEnum):
    """What to do when it is ambiguous whether 8x8 has a message, so when to send it again."""

    HOLD = "hold"  # wait for a receipt or proof: never two SMS, possibly none
    RESEND = "resend"  # send it again: never none, possibly two SMS

    def state_after(self, result: SendResult, *, ambiguous: bool = False) -> State:
        """Return the state that an attempt leaves the message in.

        ``ambiguous``: 8x8 may have the message from an earlier attempt.
        """
        holds = self is AmbiguousSendPolicy.HOLD
        if result.verdict is Verdict.ACCEPTED:
            return State.QUEUED
        if result.verdict is Verdict.PERMANENT and result.umid:
            return State.REJECTED  # 8x8 has it
        if result.verdict is Verdict.PERMANENT:
            # This attempt failed for good, but an earlier one may have been delivered.
            return State.UNKNOWN if ambiguous and not holds else State.FAILED
        return State.UNKNOWN if holds and result.verdict is Verdict.AMBIGUOUS else State.WAITING

    def pause_before_trying_at_once(
        self, result: SendResult, *, tries: int, seconds_left: float, chance: float
    ) -> float | None:
        """Return the seconds to wait before the message is sent again within the same request.

        ``None`` when it may not be sent again, or not in time. ``tries``, at least 1, is how often
        it was sent in this request; ``chance``, between 0 and 1, makes the jitter.
        """
        if self.state_after(result) is not State.WAITING or tries >= _MAX_TRIES_AT_ONCE:
            return None
        planned = 1.0 if result.verdict is Verdict.THROTTLED else 0.2 * 2 ** (tries - 1)
        pause = max(jittered(planned, chance), result.retry_after or 0.0)
        return pause if pause < seconds_left else None


def jittered(seconds: float, chance: float) -> float:
    """Return a wait that is spread by a fifth to both sides, so that not all come back at once."""
    return seconds * (1 + 0.2 * (2 * chance - 1))
