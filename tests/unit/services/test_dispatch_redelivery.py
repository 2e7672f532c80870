"""SQS delivers a record again at any moment, and a dispatcher dies at any moment: one SMS."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest

from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    BAD_REQUEST,
    EVER,
    NOT_SENT,
    REJECTED,
    THROTTLED,
)
from tests.fakes.failures import Interruption, KilledError, kill
from tests.unit.services.dispatching import QUEUE, Bridge

RESULTS = {
    "accepted": [ACCEPTED],
    "rejected": [REJECTED],
    "ambiguous": [AMBIGUOUS, ACCEPTED],
    "throttled": [THROTTLED, ACCEPTED],
    "unsent, then ambiguous": [NOT_SENT, AMBIGUOUS, ACCEPTED],
    "refused as a whole": [BAD_REQUEST, ACCEPTED],
}

Happening = Callable[[Bridge], None]


def another_dispatcher(bridge: Bridge) -> None:
    """SQS shows the records again, and another dispatcher works through them to the end."""
    bridge.sqs.repeat(QUEUE)
    bridge.dispatch()


def death(_: Bridge) -> None:
    kill()


def another_dispatcher_and_death(bridge: Bridge) -> None:
    another_dispatcher(bridge)
    kill()


def every_moment(results: list[SendResult], happens: Happening) -> Iterator[Bridge]:
    """Return a bridge for every moment at which something can happen to a dispatcher."""
    for moment in count():
        bridge = Bridge(opt_out_types="promotional", results=list(results))
        bridge.add(1)
        bridge.add(2)
        interruption = Interruption(moment, lambda bridge=bridge: happens(bridge))  # type: ignore[misc]
        with suppress(KilledError):
            bridge.dispatch(bridge.a_watched_dispatcher(interruption.watched))
        if not interruption.came:
            assert moment >= 8
            return
        yield bridge


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("happens", [another_dispatcher, death, another_dispatcher_and_death])
def test_8x8_takes_no_message_twice_whatever_happens_when(
    results: list[SendResult], happens: Happening
) -> None:
    for bridge in every_moment(results, happens):
        for _ in range(20):
            bridge.sqs.repeat(QUEUE)
            bridge.dispatch()
            bridge.clock.sleep(60)

        assert set(Counter(bridge.eightx8.taken).values()) <= {1}


@pytest.mark.parametrize("happens", [another_dispatcher, death, another_dispatcher_and_death])
def test_no_message_is_lost_that_way(happens: Happening) -> None:
    """What is not with 8x8 has its record in the queue; `reconcile` finds out which it is."""
    for bridge in every_moment([ACCEPTED], happens):
        for _ in range(5):
            bridge.sqs.repeat(QUEUE)
            bridge.dispatch()

        left = [body for body, _ in bridge.sqs.letters(QUEUE)]
        for message in bridge.messages.open_messages(until=EVER):
            is_taken = message.id in bridge.eightx8.taken
            assert message.state is State.SENDING
            assert is_taken or any(message.id in body for body in left)
            if happens is another_dispatcher:
                assert is_taken
