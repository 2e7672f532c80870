"""Callbacks, outcomes and look-ups."""

import asyncio

import pytest

from local.stack import SUB_ACCOUNT_IDS, LocalStack
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.control_api import ControlApi

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


class TestCallbacks:
    async def test_a_click_is_shown_with_its_message(
        self, stack: LocalStack, control: ControlApi, bridge: Bridge
    ) -> None:
        number = bridge.number()
        message = await bridge.send(destination=number, text="See https://shop.example/sale")
        await control.settled()
        [sms] = [one for one in await control.sms() if one["number"] == number]

        await control.click(sms["umid"])
        await control.settled()

        found = await stack.look_up(message.unique_id)
        assert found["clicks"] == 1
        assert not any("shop.example" in str(item) for item in await bridge.items())


class TestOutcomes:
    async def test_only_the_final_receipt_reaches_moengage_and_once(
        self, stack: LocalStack, bridge: Bridge
    ) -> None:
        # 8x8 sends no receipt of its own for this number.
        message = await bridge.send(destination=bridge.number("0007"))
        for state in ("queued", "sent", "undelivered"):
            # By its code the operator goes on trying.
            answer = await bridge.receive(receipt_of(message.unique_id, state, error_code=4))
            assert answer.status == 200
        found = await stack.look_up(message.unique_id)
        assert found["state"] == "deferred"
        assert "outcome" not in found

        for state in ("delivered", "delivered", "sent", "undelivered"):
            await bridge.receive(receipt_of(message.unique_id, state))
        await bridge.reported(message)
        # SQS may deliver a message twice.
        await asyncio.to_thread(stack.queue_outcome, message.unique_id)
        message = await bridge.reported(message)

        assert [report["status"] for report in message.reports] == ["DELIVERED"]
        assert (await stack.look_up(message.unique_id))["state"] == "delivered"

    async def test_while_moengage_is_away_outcomes_wait_and_none_is_lost(
        self, control: ControlApi, bridge: Bridge
    ) -> None:
        # Each of the four meets it away once. Ten failures in a row would open the circuit.
        await control.refuse_reports(4)
        messages = await asyncio.gather(
            *(bridge.send(destination=bridge.number(ending)) for ending in ("0000", "0001") * 2)
        )

        await bridge.all_reported(messages)
        await bridge.quiet()
        messages = await bridge.again(messages)

        beliefs = [message.belief for message in messages]
        assert beliefs == ["delivered", "failed", "delivered", "failed"]
        assert [len(message.reports) for message in messages] == [1, 1, 1, 1]
        assert (await control.call("GET", "situation"))["reportFaults"] == 0


def receipt_of(message_id: str, state: str, error_code: int = 0) -> dict[str, object]:
    """Build one of 8x8's receipts."""
    status = {"state": state, "timestamp": "2026-11-24T09:30:00.1234567Z"}
    return {
        "namespace": "SMS",
        "eventType": "outbound_message_status_changed",
        "payload": {
            "umid": "5a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
            "clientMessageId": message_id,
            "subAccountId": SUB_ACCOUNT_IDS[0],
            "status": {**status, **({"errorCode": error_code} if error_code else {})},
        },
    }
