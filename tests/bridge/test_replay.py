"""`sms-bridge replay`: shows first, and leaves alone what MoEngage acknowledged."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import bridge.app
from bridge.app import app
from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.errors import UnreadableItemError
from tests.builders import AT, a_message
from tests.fakes.failures import failing
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemoryDeadLetters, InMemoryOutcomes

GIVEN_UP = {"a": "moengage_503", "b": "moengage_404", "c": "no_tracking_url"}


class Stack(SimpleNamespace):
    """A stack with three outcomes that MoEngage did not acknowledge, and one that it did."""

    messages: InMemoryMessages
    outcomes: InMemoryOutcomes
    outcome_dead_letters: InMemoryDeadLetters


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Stand for the deployed stack."""
    found = Stack(
        messages=InMemoryMessages(),
        outcomes=InMemoryOutcomes(),
        outcome_dead_letters=InMemoryDeadLetters(),
    )
    for name in (*GIVEN_UP, "reported"):
        found.messages.create(a_message(id=name, claimed_by=name))
        found.messages.record_outcome(name, Outcome(OutcomeStatus.DELIVERED), AT)
    for name, reason in GIVEN_UP.items():
        found.messages.record_given_up(name, reason, AT)
        found.outcome_dead_letters.add(record_of(name), reason=reason)
    found.messages.record_reported("reported", Outcome(OutcomeStatus.DELIVERED), AT)
    monkeypatch.setattr(bridge.app, "Stack", lambda *_, **__: found)
    return found


def record_of(message_id: str) -> str:
    return json.dumps({"version": 1, "messageId": message_id})


def records_left(stack: Stack) -> list[str]:
    return [body for body, _ in stack.outcome_dead_letters.letters]


def replay(*words: str) -> Result:
    return CliRunner().invoke(app, ["replay", *words])


def test_without_yes_it_only_shows(stack: Stack) -> None:
    shown = replay("--all")

    assert shown.exit_code == 0
    assert "3 outcomes would be reported again. Nothing was changed" in shown.stdout
    assert stack.outcomes.queued == []


@pytest.mark.parametrize(
    ("words", "replayed"),
    [
        (["--all"], ["a", "b", "c"]),
        (["a", "reported", "nobody"], ["a"]),
        (["--reason", "moengage_404"], ["b"]),
        (["--since", "2026-11-24", "--until", "2026-11-25"], ["a", "b", "c"]),
        (["--since", "2026-11-25"], []),
        (["--all", "--limit", "2"], ["a", "b"]),
    ],
)
def test_with_yes_it_reports_again_what_was_named(
    words: list[str], replayed: list[str], stack: Stack
) -> None:
    done = replay(*words, "--yes")

    assert done.exit_code == 0
    assert [message_id for message_id, _ in stack.outcomes.queued] == replayed
    left = [name for name in GIVEN_UP if name not in replayed]
    assert records_left(stack) == list(map(record_of, left))


def test_one_item_that_cannot_be_read_keeps_its_letter_and_stops_nothing(stack: Stack) -> None:
    for name in ("odd", "forgotten", ""):
        stack.outcome_dead_letters.add(record_of(name), reason="moengage_503")

    odd = UnreadableItemError("odd", "ValueError")
    with failing(stack.messages, "get", error=odd, of="odd"):
        done = replay("--all", "--yes")

    assert "3 outcomes are queued" in done.stdout
    assert records_left(stack) == [record_of("odd"), record_of("")]


def test_a_named_item_that_cannot_be_read_is_called_that(stack: Stack) -> None:
    odd = UnreadableItemError("odd", "ValueError")
    with failing(stack.messages, "get", error=odd):
        refused = replay("odd", "--yes")

    assert refused.exit_code == 1
    assert "the item of odd cannot be read: ValueError" in refused.stderr


def test_it_can_be_read_by_a_program(stack: Stack) -> None:
    shown = json.loads(replay("b", "--json").stdout)

    assert shown["replayed"] is False
    assert [(one["umid"], one["givenUp"]) for one in shown["outcomes"]] == [("b", "moengage_404")]
    assert stack.outcomes.queued == []


def test_it_wants_to_know_which(stack: Stack) -> None:
    assert replay("--yes").exit_code == 2
    assert stack.outcomes.queued == []
