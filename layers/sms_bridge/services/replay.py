"""Tells outcomes again that MoEngage did not take, when a person says so."""

from collections.abc import Iterable, Iterator

from sms_bridge.domain.message import Message
from sms_bridge.services.interfaces import MessageStore, OutcomeQueue
from sms_bridge.values import value


@value(kw_only=True)
class ReplayScope:
    """Which outcomes to replay; what is not named does not limit.

    Attributes
    ----------
    since, until
        When the messages were accepted, ISO 8601 UTC.
    reason
        Why they were given up, such as ``moengage_503``.
    message_ids
        Only these.
    """

    since: str = "0"
    until: str = "9"
    reason: str = ""
    message_ids: frozenset[str] = frozenset()


def find_replays(messages: MessageStore, scope: ReplayScope) -> Iterator[Message]:
    """Return the messages whose outcome would be told again. Whatever was told since is not."""
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


def replay(message: Message, messages: MessageStore, outcomes: OutcomeQueue) -> None:
    """Tell one outcome again, under the same id and with all its tries."""
    messages.record_replayed(message.id)
    outcomes.add(message.id)
