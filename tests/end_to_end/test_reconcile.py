"""Messages that got stuck are moved on, by what 8x8's log says of them."""

import asyncio

import pytest

from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.control_api import ControlApi

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]

LONGER_THAN_ALL_TIMEOUTS_BEFORE_ASKING = 900


async def findings_of(stack: LocalStack) -> dict[str, int]:
    """Run `reconcile`; that answers to other tests' STOPs have come to their end is left out."""
    findings = await asyncio.to_thread(stack.reconcile)
    findings.pop("over", None)
    return findings


@pytest.mark.parametrize("state", ["unknown", "sending"])
async def test_what_8x8_has_is_settled_by_its_log(
    stack: LocalStack, control: ControlApi, bridge: Bridge, state: str
) -> None:
    await control.instruct("error", accepted=True, silent=True)
    message = await bridge.send(destination=bridge.number())
    # Until 8x8 has delivered it, of which no receipt says anything.
    await control.settled()
    assert (await stack.look_up(message.unique_id))["state"] == "unknown"
    # In `sending`: as if the function had been killed before it wrote that 8x8 accepted it.
    await bridge.age(message.unique_id, seconds=LONGER_THAN_ALL_TIMEOUTS_BEFORE_ASKING, state=state)

    findings = await findings_of(stack)
    message = await bridge.reported(message)

    assert findings == {"ask": 1}
    assert (await stack.look_up(message.unique_id))["state"] == "delivered"
    assert message.belief == "delivered"
    assert len(message.reports) == 1
    assert await bridge.sms_to(message.destination) == 1


async def test_what_8x8_is_proven_not_to_have_is_sent_once(
    stack: LocalStack, control: ControlApi, bridge: Bridge
) -> None:
    # Loads the function, so that the next run is over before the send queue looks again.
    assert await findings_of(stack) == {}
    await control.instruct("error", accepted=False, once=True)
    message = await bridge.send(destination=bridge.number())
    assert (await stack.look_up(message.unique_id))["state"] == "unknown"
    # A younger one in the log proves that the log has got that far.
    await bridge.send(destination=bridge.number())
    await bridge.age(
        message.unique_id, seconds=LONGER_THAN_ALL_TIMEOUTS_BEFORE_ASKING, state="unknown"
    )

    findings = await findings_of(stack)
    message = await bridge.reported(message)

    assert findings == {"ask": 1}
    assert message.belief == "delivered"
    assert len(message.reports) == 1
    assert await bridge.sms_to(message.destination) == 1
