"""A function dies before or after each of its calls, one after the other; AWS calls it again.

The random lives of the chaos suite may miss a moment. Here none is missed.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from sms_bridge.domain.message import Message
from tests.builders import EVER
from tests.fakes.failures import failing
from tests.unit.services.life import SCENARIOS, Bridge

# By its queue records alone an outcome is reported well before `reconcile` calls it stuck.
_MINUTES = 10
_HOURS_TO_RECONCILE = 10


def open_messages(bridge: Bridge) -> list[Message]:
    return list(bridge.messages.open_messages(until=EVER))


def live(step: str, scenario: str, moment: int, *, is_queued: bool) -> Bridge:
    """Let two messages live, a step die at a moment, and SQS show again what nobody deleted."""
    bridge = Bridge(is_queued=is_queued)

    def dies_in(one: str) -> int | None:
        return moment if one == step else None

    for text in ("one", "two"):
        if bridge.ask(text, [scenario], dies_in("ask")) is None:
            bridge.clock.sleep(5)
            bridge.ask(text, [scenario], None)
    bridge.dispatch([scenario], dies_in("dispatch"))
    for message_id, (word, _) in list(bridge.eightx8.words.items()):
        if word == "queued" and not bridge.receive(message_id, "delivered", dies_in("receive")):
            bridge.clock.sleep(5)
            bridge.receive(message_id, "delivered")
    bridge.clock.sleep(10)
    bridge.forward(dies_at=dies_in("forward"))
    if step == "reconcile":
        bridge.clock.sleep(3600)
        bridge.reconcile(moment)
    go_on(bridge)
    return bridge


def go_on(bridge: Bridge) -> None:
    """Let time pass in which nobody reconciles."""
    for _ in range(_MINUTES):
        bridge.dispatch(["taken"])
        bridge.forward()
        bridge.clock.sleep(60)


def every_death(step: str, scenario: str, *, is_queued: bool) -> Iterator[Bridge]:
    """Return what came of a death at each moment that a step has."""
    for moment in count():
        bridge = live(step, scenario, moment, is_queued=is_queued)
        if not bridge.has_died:
            return
        yield bridge


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("step", ["ask", "dispatch", "receive", "forward", "reconcile"])
def test_wherever_a_function_dies_a_message_is_sent_once_and_its_outcome_reported(
    step: str, scenario: str, *, is_queued: bool
) -> None:
    for bridge in every_death(step, scenario, is_queued=is_queued):
        waiting_for_reconcile = [one.id for one in open_messages(bridge) if one.outcome]
        # What the others leave is called again: by SQS, by 8x8 or by MoEngage.
        assert not waiting_for_reconcile or step == "reconcile"

        for _ in range(_HOURS_TO_RECONCILE * 12):
            if not open_messages(bridge):
                break
            bridge.reconcile()
            bridge.dispatch(["taken"])
            bridge.forward()
            bridge.clock.sleep(300)

        heard = Counter(message_id for message_id, _ in bridge.moengage.heard)
        assert heard.keys() == {one.id for one in bridge.asked_for()}
        assert set(bridge.eightx8.taken.values()) <= {1}
        # But for a death between MoEngage's answer and its record.
        assert heard.total() - len(heard) <= (step == "forward")


@pytest.mark.parametrize("is_queued", [False, True], ids=["direct", "queued"])
def test_an_outcome_that_sqs_did_not_take_is_queued_by_what_comes_again(*, is_queued: bool) -> None:
    """MoEngage's repeat of the request in direct mode, the record of the send queue otherwise."""
    bridge = Bridge(is_queued=is_queued)
    with failing(bridge.outcomes, "add"):
        bridge.ask("one", ["rejected"], None)
        bridge.dispatch(["rejected"])
        if not is_queued:
            assert bridge.ask("one", ["rejected"], None) is not None
            bridge.clock.sleep(5)
    if not is_queued:
        bridge.ask("one", ["rejected"], None)

    go_on(bridge)

    assert [outcome.reason for _, outcome in bridge.moengage.heard] == ["eightx8_rejected"]
