"""What the table says of all messages that are not over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from sms_bridge.clock import seconds_of
from sms_bridge.rules.life_cycle import State
from sms_bridge.storage.message_indexes import FIRST, LAST
from sms_bridge.storage.messages import MessageStore

# More than this takes minutes to read, and the picture is the same.
LOOKED_AT_MOST = 20_000
SECONDS_UNTIL_RECEIPTS = 600
_TAKEN = frozenset({State.QUEUED, State.SENT, State.DEFERRED})


@dataclass(slots=True)
class Survey:
    """Counts of open messages.

    Attributes
    ----------
    by_state, oldest_by_state
        How many there are in each state, and when the oldest was accepted.
    untold
        How many have an outcome that MoEngage has not heard yet.
    told_in_vain
        How many of those MoEngage has not taken at least once.
    without_receipts
        How many 8x8 took more than ten minutes ago without having sent any receipt since.
    given_up
        Outcomes that were given up, by reason.
    is_complete
        Whether there were no more than were looked at.
    """

    by_state: Counter[State] = field(default_factory=Counter)
    oldest_by_state: dict[State, str] = field(default_factory=dict)
    untold: int = 0
    told_in_vain: int = 0
    without_receipts: int = 0
    given_up: Counter[str] = field(default_factory=Counter)
    is_complete: bool = True


def take_survey(messages: MessageStore, now: float) -> Survey:
    """Look through the open messages.

    Parameters
    ----------
    now
        Seconds since the epoch.
    """
    survey = Survey()
    for number, message in enumerate(
        islice(messages.open_messages(until=LAST), LOOKED_AT_MOST), start=1
    ):
        survey.is_complete = number < LOOKED_AT_MOST
        survey.by_state[message.state] += 1
        oldest = survey.oldest_by_state.get(message.state, message.accepted_at)
        survey.oldest_by_state[message.state] = min(oldest, message.accepted_at)
        survey.untold += message.outcome_is_open
        survey.told_in_vain += message.outcome_is_open and message.outcome_tries > 0
        waited = message.answered_at and now - seconds_of(message.answered_at)
        if message.state in _TAKEN and not message.receipts and waited:
            survey.without_receipts += waited > SECONDS_UNTIL_RECEIPTS
    given_up = messages.given_up_messages(since=FIRST, until=LAST)
    survey.given_up.update(one.outcome_given_up for one in islice(given_up, LOOKED_AT_MOST))
    return survey
