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
    a_receipt,
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
            bridge.dispatch(bridge.a_dispatcher(interruption.watched))
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


def test_what_is_known_is_not_looked_at_again() -> None:
    """Records that come back once 8x8 has told of their messages are dropped."""
    for bridge in every_moment([ACCEPTED], death):
        for message_id in bridge.eightx8.taken:
            receipt = a_receipt("sent", client_message_id=message_id)
            bridge.messages.record_receipt(message_id, receipt, None)
        bridge.sqs.repeat(QUEUE)

        left = bridge.dispatch()

        assert [one for one in bridge.eightx8.taken if one in "".join(left)] == []


def test_a_dispatcher_that_dies_before_it_posts_leaves_what_can_be_proven_later() -> None:
    """The message is being sent; nobody sends it until 8x8's log shows that it never came."""
    bridge = Bridge()
    message_id = bridge.add()
    interruption = Interruption(2, kill)

    with pytest.raises(KilledError):
        bridge.dispatch(bridge.a_dispatcher(interruption.watched))

    assert bridge.posted == []
    for _ in range(5):
        bridge.sqs.repeat(QUEUE)
        bridge.dispatch()
    assert bridge.states([message_id]) == [State.SENDING]
    assert bridge.posted == []
    for state, result in ((State.UNKNOWN, AMBIGUOUS), (State.WAITING, NOT_SENT)):
        bridge.messages.record_result(message_id, 1, result, state, bridge.clock.now)
    bridge.sqs.repeat(QUEUE)
    bridge.dispatch()
    assert bridge.posted == [message_id]


def test_a_result_that_comes_after_another_attempt_began_changes_nothing() -> None:
    """A dispatcher that was frozen for long does not undo what happened meanwhile."""
    bridge = Bridge(results=[NOT_SENT, ACCEPTED])
    message_id = bridge.add()

    def meanwhile(_: str) -> None:
        bridge.eightx8.meanwhile = lambda _: None
        bridge.messages.record_result(message_id, 1, NOT_SENT, State.WAITING, bridge.clock.now)
        bridge.sqs.repeat(QUEUE)
        bridge.dispatch()

    bridge.eightx8.meanwhile = meanwhile
    bridge.dispatch()

    assert bridge.states([message_id]) == [State.SENDING]
    assert bridge.kept(message_id).attempt == 2
    assert bridge.eightx8.taken == [message_id]
