"""Telling outcomes again that MoEngage did not take."""

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.services.replay import ReplayScope, find_replays, replay
from tests.builders import a_message
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemoryOutcomes

EARLY, LATE = seconds_of("2026-11-24T09:00:00.000Z"), seconds_of("2026-11-24T10:00:00.000Z")

# Id, when it was accepted, why it was given up.
GIVEN_UP = [("a", EARLY, "moengage_503"), ("b", LATE, "moengage_503"), ("c", LATE, "moengage_404")]


@pytest.fixture
def messages() -> InMemoryMessages:
    """Three messages that were given up, one that is open and one that was told."""
    store = InMemoryMessages()
    for message_id, accepted_at, reason in GIVEN_UP:
        add(store, message_id, accepted_at)
        store.record_given_up(message_id, reason, LATE)
    add(store, "open", EARLY)
    add(store, "told", EARLY)
    store.record_given_up("told", "moengage_503", LATE)
    store.record_reported("told", Outcome(OutcomeStatus.DELIVERED), LATE)
    return store


def add(store: InMemoryMessages, message_id: str, accepted_at: float) -> None:
    store.create(a_message(id=message_id, accepted_at=accepted_at))
    store.record_outcome(message_id, Outcome(OutcomeStatus.DELIVERED), accepted_at)


@pytest.mark.parametrize(
    ("scope", "ids"),
    [
        (ReplayScope(), ["a", "b", "c"]),
        (ReplayScope(reason="moengage_503"), ["a", "b"]),
        (ReplayScope(reason="moengage_5"), []),
        (ReplayScope(until=EARLY), ["a"]),
        (ReplayScope(since=LATE), ["b", "c"]),
        (ReplayScope(since=LATE, reason="moengage_404"), ["c"]),
        (ReplayScope(message_ids=frozenset({"a", "c"})), ["a", "c"]),
        (ReplayScope(message_ids=frozenset({"a", "c"}), reason="moengage_404"), ["c"]),
        (ReplayScope(message_ids=frozenset({"open", "told", "nowhere"})), []),
    ],
)
def test_only_what_is_in_scope_and_was_not_reported_since(
    messages: InMemoryMessages, scope: ReplayScope, ids: list[str]
) -> None:
    before = dict(messages.messages)

    assert [message.id for message in find_replays(messages, scope)] == ids
    assert messages.messages == before


def test_a_replayed_outcome_is_due_again_under_its_id_with_all_its_tries(
    messages: InMemoryMessages,
) -> None:
    outcomes = InMemoryOutcomes()
    assert messages.lease_outcome("a", "own", LATE, LATE)
    messages.record_not_acknowledged("a", "own", LATE)

    for message in list(find_replays(messages, ReplayScope(until=EARLY))):
        replay(message, messages, outcomes)

    replayed = messages.get("a")
    assert replayed is not None
    assert replayed.outcome_is_open
    assert (replayed.outcome_tries, replayed.outcome_next_try_at) == (0, 0.0)
    assert outcomes.queued == [("a", 0)]
    assert list(find_replays(messages, ReplayScope(until=EARLY))) == []
