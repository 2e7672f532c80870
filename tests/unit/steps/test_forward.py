"""Telling MoEngage the outcome of a message."""

from typing import Any

import pytest

from sms_bridge.rules.forwarding import Hearing, Telling
from sms_bridge.rules.messages import Message, Outcome, Told
from sms_bridge.steps.forward import ForwardOutcome
from tests.builders import AT, MESSAGE_ID, a_message, a_receipt
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.messages import InMemoryMessages
from tests.fakes.moengage import FakeMoEngage
from tests.fakes.queues import InMemoryDeadLetters

DELIVERED = Outcome(Told.DELIVERED)


class Bridge:
    """The step with all that it works with; the outcome of one message is due."""

    def __init__(self, telling: Telling | None = None) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.moengage = FakeMoEngage(telling) if telling else FakeMoEngage()
        self.dead_letters = InMemoryDeadLetters()
        self.messages.claim(a_message(), None, self.clock.now)
        self.messages.record_receipt(MESSAGE_ID, a_receipt("delivered"), DELIVERED)

    def forward(self, tries: int = 1, *, is_configured: bool = True) -> int | None:
        step = ForwardOutcome(
            messages=self.messages,
            listener=self.moengage if is_configured else None,
            dead_letters=self.dead_letters,
            clock=self.clock,
            chance=lambda: 0.5,
        )
        return step(MESSAGE_ID, tries)

    @property
    def message(self) -> Message:
        message = self.messages.get(MESSAGE_ID)
        assert message is not None
        return message


def test_an_outcome_that_moengage_hears_is_closed() -> None:
    bridge = Bridge()

    assert bridge.forward() is None
    assert bridge.moengage.told == [(MESSAGE_ID, DELIVERED)]
    assert bridge.message.outcome_told_at == bridge.clock.text
    assert bridge.dead_letters.letters == []


def test_it_is_told_once_however_often_it_is_queued() -> None:
    bridge = Bridge()

    for _ in range(3):
        assert bridge.forward() is None

    assert len(bridge.moengage.told) == 1


@pytest.mark.parametrize(
    ("telling", "tries", "wait"),
    [
        (Telling(hearing=Hearing.AGAIN, http_status=500), 1, 5),
        (Telling(hearing=Hearing.AGAIN, error="ReadTimeoutError"), 4, 300),
        (Telling(hearing=Hearing.AGAIN, http_status=429, retry_after=90), 1, 90),
        (Telling(hearing=Hearing.AGAIN, http_status=429, retry_after=1), 3, 120),
    ],
)
def test_what_moengage_did_not_hear_stays_open_and_is_told_again(
    telling: Telling, tries: int, wait: int
) -> None:
    bridge = Bridge(telling)

    assert bridge.forward(tries) == wait
    assert bridge.message.outcome_is_open
    assert bridge.dead_letters.letters == []


def test_what_moengage_refuses_goes_to_the_dead_letter_queue_with_the_reason() -> None:
    bridge = Bridge(Telling(hearing=Hearing.REFUSED, http_status=404))

    assert bridge.forward() is None
    assert bridge.dead_letters.letters == [(MESSAGE_ID, "moengage_404")]
    assert (bridge.message.outcome_refused, bridge.message.outcome_refused_at) == (
        404,
        bridge.clock.text,
    )
    assert not bridge.message.outcome_is_open


def test_a_refused_outcome_is_not_told_again_when_it_is_queued_again() -> None:
    bridge = Bridge(Telling(hearing=Hearing.REFUSED, http_status=404))

    for _ in range(2):
        bridge.forward()

    assert len(bridge.moengage.told) == len(bridge.dead_letters.letters) == 1


@pytest.mark.parametrize(
    "changes",
    [{"outcome": None}, {"outcome_told_at": AT}, {"outcome_refused": 404}, {"accepted_at": ""}],
    ids=str,
)
def test_where_no_outcome_is_open_nothing_is_told(changes: dict[str, Any]) -> None:
    bridge = Bridge()
    bridge.messages.messages[MESSAGE_ID] = a_message(**{"outcome": DELIVERED, **changes})

    assert bridge.forward() is None
    assert bridge.moengage.told == []


def test_a_message_that_is_no_longer_kept_is_passed_over() -> None:
    bridge = Bridge()
    bridge.messages.messages.clear()

    assert bridge.forward() is None
    assert bridge.moengage.told == []


def test_without_a_tracking_url_the_outcome_stays_open() -> None:
    bridge = Bridge()

    assert bridge.forward(is_configured=False) is None
    assert bridge.message.outcome_is_open


@pytest.mark.parametrize(
    ("hearing", "method"),
    [(Hearing.HEARD, "record_told"), (Hearing.REFUSED, "record_refused")],
)
def test_what_cannot_be_recorded_goes_up_and_stays_open(hearing: Hearing, method: str) -> None:
    bridge = Bridge(Telling(hearing=hearing, http_status=404))

    with failing(bridge.messages, method), pytest.raises(ConnectionError):
        bridge.forward()

    assert bridge.message.outcome_is_open


def test_what_cannot_go_to_the_dead_letter_queue_stays_open() -> None:
    bridge = Bridge(Telling(hearing=Hearing.REFUSED, http_status=404))

    with failing(bridge.dead_letters, "add"), pytest.raises(ConnectionError):
        bridge.forward()

    assert bridge.message.outcome_is_open
