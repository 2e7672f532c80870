"""What the table says of all messages that are not over."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from math import inf

from sms_bridge.domain.message import Message, MessageType, State
from sms_bridge.services.interfaces import MessageStore

# More than this takes minutes to read, and the picture is the same.
LOOKED_AT_MOST = 20_000
SECONDS_UNTIL_QUEUED = 120
SECONDS_UNTIL_RECEIPTS = 600
SECONDS_UNTIL_REPORTED = 900
SECONDS_TO_WAIT = {MessageType.TRANSACTIONAL: 300, MessageType.PROMOTIONAL: 3600}
# That 8x8 accepted a message is not written down while it is sending: its first receipt is.
_GIVEN_TO_8X8 = frozenset({State.SENDING, State.QUEUED, State.SENT, State.DEFERRED})


@dataclass(slots=True)
class Survey:
    """Counts of open messages, and when the oldest in each state was accepted."""

    by_state: Counter[State] = field(default_factory=Counter)
    oldest_by_state: dict[State, float] = field(default_factory=dict)
    unreported: int = 0
    """Outcomes that MoEngage has not acknowledged yet."""
    unacknowledged: int = 0
    """Those of them with at least one failed report."""
    not_tried: int = 0
    """Outcomes that nobody has tried to report for a quarter of an hour."""
    given_up: Counter[str] = field(default_factory=Counter)
    """Outcomes that were given up, by reason."""
    without_receipts: int = 0
    """Given to 8x8 more than ten minutes ago, without a receipt since."""
    waiting: int = 0
    """Long enough in a send queue to be counted there."""
    waiting_long: dict[MessageType, Counter[str]] = field(default_factory=dict)
    """Why messages have not been sent for longer than is usual."""
    unreadable: list[str] = field(default_factory=list)
    """Ids of items that cannot be read."""
    log_silent: int = 0
    """About how many messages 8x8's log is asked without an answer."""
    log_silent_since: float = 0.0
    is_complete: bool = True
    """Whether there were no more than were looked at."""


def take_survey(messages: MessageStore, now: float) -> Survey:
    survey = Survey()
    found = messages.open_messages(
        until=inf, on_unreadable=lambda error: survey.unreadable.append(error.item_id)
    )
    for message in islice(found, LOOKED_AT_MOST):
        survey.by_state[message.state] += 1
        oldest = survey.oldest_by_state.get(message.state, message.accepted_at)
        survey.oldest_by_state[message.state] = min(oldest, message.accepted_at)
        survey.unreported += message.outcome_is_open
        survey.unacknowledged += message.outcome_is_open and message.outcome_tries > 0
        _look_at(message, survey, now)
    survey.is_complete = survey.by_state.total() < LOOKED_AT_MOST
    given_up = messages.given_up_messages(since=0.0, until=inf)
    survey.given_up.update(one.outcome_given_up for one in islice(given_up, LOOKED_AT_MOST))
    return survey


def _look_at(message: Message, survey: Survey, now: float) -> None:
    """Count a message if it has been where it is for too long."""

    def has_waited(since: float, seconds: int) -> bool:
        return bool(since) and now - since > seconds

    if message.state is State.WAITING:
        survey.waiting += has_waited(message.accepted_at, SECONDS_UNTIL_QUEUED)
        if has_waited(message.accepted_at, SECONDS_TO_WAIT[message.message_type]):
            reasons = survey.waiting_long.setdefault(message.message_type, Counter())
            reasons[message.reason or "not tried yet"] += 1
    if message.state in _GIVEN_TO_8X8 and not message.receipts:
        given_at = message.answered_at or message.attempt_at
        survey.without_receipts += has_waited(given_at, SECONDS_UNTIL_RECEIPTS)
    if not message.outcome and message.log_silent_since > message.log_answered_at:
        earlier = survey.log_silent_since or message.log_silent_since
        survey.log_silent_since = min(earlier, message.log_silent_since)
        survey.log_silent += 1
    if message.outcome_is_open and not message.outcome_tries:
        survey.not_tried += has_waited(message.outcome_due_at, SECONDS_UNTIL_REPORTED)
