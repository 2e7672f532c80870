"""Reports outcomes again that MoEngage did not acknowledge, when an operator asks for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sms_bridge.domain.message import Message

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import MessageStore, OutcomeQueue


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReplayScope:
    """Which outcomes to replay; what is not named does not limit."""

    since: float = 0.0
    """When the messages were accepted, seconds since the epoch."""
    until: float = float("inf")
    reason: str = ""
    """Why they were given up, such as ``moengage_503``."""
    message_ids: frozenset[str] = frozenset()


def find_replays(messages: "MessageStore", scope: ReplayScope) -> Iterator[Message]:
    """Return the messages whose outcome would be reported again, but for those reported since."""
    found: Iterable[Message | None]
    if scope.message_ids:
        found = (messages.get(one) for one in sorted(scope.message_ids))
    else:
        found = messages.given_up_messages(since=scope.since, until=scope.until)
    for message in found:
        if message is None or not message.outcome_given_up or message.outcome_reported_at:
            continue
        if scope.reason in ("", message.outcome_given_up):
            yield message


def replay(message: Message, messages: "MessageStore", outcomes: "OutcomeQueue") -> None:
    """Report one outcome again, under the same id and with all its tries."""
    messages.record_replayed(message.id)
    outcomes.add(message.id)
