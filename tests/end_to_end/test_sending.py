"""Sending: other clients, repeats, a slow 8x8, a new key."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.eightx8.contract import problems_of
from local.stack import LocalStack
from tests.end_to_end.bridge import Answer, Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


class EightX8Client:
    """A client as one would write it for 8x8's own API, from its reference alone."""

    def __init__(self, bridge: Bridge, base_url: str, api_key: str) -> None:
        self._bridge = bridge
        self._base_url = base_url
        self._api_key = api_key

    async def send_sms(self, **sms: str) -> Answer:
        url = f"{self._base_url}/api/v1/subaccounts/Acme_Transactional/messages"
        return await self._bridge.post(url, sms, self._api_key)


@pytest.fixture(params=["8x8", "bridge"])
def client(request: pytest.FixtureRequest, stack: LocalStack, bridge: Bridge) -> EightX8Client:
    """The same client at both hosts."""
    if request.param == "8x8":
        return EightX8Client(bridge, stack.eightx8_url, stack.eightx8_api_key)
    return EightX8Client(bridge, stack.front_door_url, stack.tokens.moengage)


class TestClientOf8x8:
    async def test_only_the_host_changes(self, bridge: Bridge, client: EightX8Client) -> None:
        number = bridge.number()

        answer = await client.send_sms(
            source="Acme",
            destination=number,
            text="Grüße, 你好 🎉",
            clientMessageId="order 4711",
            encoding="UCS2",
        )

        assert answer.status == 200
        assert problems_of("SmsResponse", answer.body) == []
        assert answer.body["clientMessageId"] == "order 4711"
        assert answer.body["destination"].removeprefix("+") == number.removeprefix("+")
        assert answer.body["encoding"] == "UCS2"
        assert answer.body["status"]["code"] == "QUEUED"
        [sms] = [one for one in await bridge.control.sms() if one["number"] == number]
        # A provider's id: 8x8's own, or the bridge's, which 8x8 got as the client's.
        is_the_bridges = sms["messageId"] != "order 4711"
        assert answer.body["umid"] == sms["messageId" if is_the_bridges else "umid"]
        assert sms["request"]["text"] == "Grüße, 你好 🎉"

    async def test_a_rejection_looks_the_same(self, bridge: Bridge, client: EightX8Client) -> None:
        answer = await client.send_sms(destination=bridge.number("0003"), text="Hello")

        assert answer.status == 200
        assert problems_of("SmsResponse", answer.body) == []
        assert answer.body["status"]["code"] == "REJECTED"

    async def test_an_error_has_the_same_fields(self, client: EightX8Client) -> None:
        answer = await client.send_sms(destination="nobody", text="Hello")

        assert answer.status == 400
        assert problems_of("ErrorResponse", answer.body) == []


class TestRepeats:
    async def test_a_repeat_while_the_first_is_under_way_is_one_sms(self, bridge: Bridge) -> None:
        number = bridge.number()

        messages = await asyncio.gather(*(bridge.send(destination=number) for _ in range(4)))

        assert [message.belief for message in messages] == ["sent"] * 4
        assert len({message.unique_id for message in messages}) == 1
        assert await bridge.sms_to(number) == 1

    async def test_a_repeat_after_the_first_is_one_sms(self, bridge: Bridge) -> None:
        number = bridge.number()

        first = await bridge.send(destination=number)
        repeat = await bridge.send(destination=number.removeprefix("+"))
        another = await bridge.send(destination=number, text="Hello again")

        assert first.unique_id == repeat.unique_id != another.unique_id
        assert await bridge.sms_to(number) == 2


class TestSlow8x8:
    async def test_moengage_has_its_answer_in_time_and_the_receipt_tells_the_rest(
        self, stack: LocalStack, bridge: Bridge
    ) -> None:
        number = bridge.number("0012")

        message = await bridge.send(destination=number)

        # MoEngage itself gives up after five seconds.
        assert message.statuses == (200,)
        message = await bridge.reported(message)
        found = await stack.look_up(message.unique_id)
        assert (found["state"], found["reason"]) == ("delivered", "eightx8_timeout")
        assert message.belief == "delivered"
        assert await bridge.sms_to(number) == 1

    @pytest.mark.parametrize(
        ("ending", "reason"),
        [
            ("0010", "eightx8_server_error"),
            ("0014", "eightx8_connection_lost"),
            ("0015", "eightx8_unreadable_answer"),
        ],
    )
    async def test_an_answer_that_proves_nothing_is_not_tried_again(
        self, stack: LocalStack, bridge: Bridge, ending: str, reason: str
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
