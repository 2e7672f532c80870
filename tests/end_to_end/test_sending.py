"""Sending: repeats, answers that prove nothing, a new key."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


async def test_a_repeat_while_the_first_is_under_way_is_one_sms(bridge: Bridge) -> None:
    number = bridge.number()

    messages = await asyncio.gather(*(bridge.send(destination=number) for _ in range(4)))

    assert [message.belief for message in messages] == ["sent"] * 4
    assert len({message.unique_id for message in messages}) == 1
    assert await bridge.sms_to(number) == 1


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("0012", "eightx8_timeout"),
        ("0014", "eightx8_connection_lost"),
        ("0015", "eightx8_unreadable_answer"),
    ],
)
async def test_an_answer_that_proves_nothing_is_not_tried_again(
    stack: LocalStack, bridge: Bridge, ending: str, reason: str
) -> None:
    number = bridge.number(ending)

    message = await bridge.send(destination=number)

    assert message.belief == "sent"
    found = await stack.look_up(message.unique_id)
    assert found["reason"] == reason
    assert await bridge.sms_to(number) == 1


class TestNewKey:
    @pytest_asyncio.fixture(loop_scope="session")
    async def new_key(self, stack: LocalStack, bridge: Bridge) -> AsyncIterator[None]:
        """8x8's account has a new key only; the old one comes back afterwards."""
        # So that the function is loaded and has the old key.
        await bridge.send(destination=bridge.number())
        await self._put(stack, "a-key-of-today")
        await bridge.control.save_api_keys("a-key-of-today")
        yield
        await self._put(stack, stack.eightx8_api_key)
        await bridge.control.save_api_keys(stack.eightx8_api_key)

    @pytest.mark.usefixtures("new_key")
    async def test_it_is_picked_up_without_a_redeploy(
        self, stack: LocalStack, bridge: Bridge
    ) -> None:
        message = await bridge.send(destination=bridge.number())

        assert message.belief == "sent"
        assert (await stack.look_up(message.unique_id)).get("reason") is None
        requests = await bridge.control.requests()
        assert [request["status"] for request in requests[-2:]] == [401, 200]

    async def _put(self, stack: LocalStack, api_key: str) -> None:
        def put() -> None:
            client, arn = stack.aws.secretsmanager, stack.deployment.secret_arn
            secret = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
            secret["eightx8ApiKey"] = api_key
            client.put_secret_value(SecretId=arn, SecretString=json.dumps(secret))

        await asyncio.to_thread(put)
