"""What the table says of all messages that are not over."""

import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from math import inf
from operator import attrgetter

from sms_bridge.domain.message import Message
from sms_bridge.domain.state import State
from sms_bridge.services.interfaces import MessageStore

# More than this takes minutes to read, and the picture is the same.
LOOKED_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Survey:
    messages: list[Message]
    """Those that are open; of very many the first."""
    unreadable: list[str]
    """Ids of open items that cannot be read."""
    given_up: Counter[str]
    """Outcomes that were given up, by reason."""

    @property
    def by_state(self) -> Counter[State]:
        return Counter(one.state for one in self.messages)

    @property
    def oldest_by_state(self) -> dict[State, float]:
        """When the oldest in each state was accepted."""
        newest_first = sorted(self.messages, key=attrgetter("accepted_at"), reverse=True)
        return {one.state: one.accepted_at for one in newest_first}

    @property
    def unreported(self) -> list[Message]:
        """Messages whose outcome MoEngage has not acknowledged yet."""
        return [one for one in self.messages if one.outcome_is_open]


def take_survey(store: MessageStore) -> Survey:
    unreadable: list[str] = []
    found = store.open_messages(
        until=inf, on_unreadable=lambda error: unreadable.append(error.item_id)
    )
    messages = list(islice(found, LOOKED_AT_MOST))
    given_up = islice(store.given_up_messages(since=0.0, until=inf), LOOKED_AT_MOST)
    return Survey(messages, unreadable, Counter(one.outcome_given_up for one in given_up))


def has_waited(since: float, seconds: int) -> bool:
    """Return whether it is longer ago than this; what has not happened is not."""
    return bool(since) and time.time() - since > seconds
