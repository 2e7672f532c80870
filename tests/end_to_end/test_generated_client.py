"""A client generated from 8x8's OpenAPI file, with host and token changed and nothing else."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from local.eightx8.contract import problems_of_batch_request, problems_of_send_request
from local.stack import SUB_ACCOUNT_IDS, LocalStack
from sms_bridge.api.batch_request import MAX_MESSAGES
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.generated_client import Answered, GeneratedClient

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(
    stack: LocalStack,
    generated: None,  # noqa: ARG001
) -> AsyncIterator[GeneratedClient]:
    async with a_client(stack, stack.tokens.moengage) as client:
        yield client


def a_client(stack: LocalStack, token: str) -> GeneratedClient:
    return GeneratedClient(stack.front_door_url, token, SUB_ACCOUNT_IDS[0])


async def test_a_message_is_sent_and_its_details_say_what_became_of_it(
    bridge: Bridge, client: GeneratedClient
) -> None:
    number, before = bridge.number(), len(await bridge.control.requests())

    sent = await client.send(
        destination=number, text="Grüße, 你好 🎉", source="Acme", client_message_id="order 1"
    )
    rejected = await client.send(destination=bridge.number("0003"), text="Hello")
    details = await delivered(bridge, client, sent.parsed.umid)

    assert [one.parsed.status.code for one in (sent, rejected)] == ["QUEUED", "REJECTED"]
    assert (sent.parsed.client_message_id, sent.parsed.encoding) == ("order 1", "UCS2")
    assert (details.parsed.sms_count, details.parsed.client_message_id) == (1, "order 1")
    assert number not in str(details.body)
    assert await bridge.sms_to(number) == 1
    await what_left_for_8x8_is_as_it_wants_it(bridge, since=before)


async def test_errors_are_understood(stack: LocalStack, client: GeneratedClient) -> None:
    async with a_client(stack, "no-key") as stranger:
        refused = {
            "key": await stranger.send(destination="+6591234567", text="Hello"),
            "batch's key": await stranger.send_batch([{"destination": "x", "text": "Hello"}]),
            "details' key": await stranger.details(str(uuid.uuid4())),
        }
    refused |= {
        "number": await client.send(destination="12345", text="Hello"),
        "no such message": await client.details(str(uuid.uuid4())),
        "no umid": await client.details("order-1"),
        "too many": await client.send_batch(
            [{"destination": "x", "text": "x"}] * (MAX_MESSAGES + 1)
        ),
        "none": await client.send_batch([]),
    }

    assert {what: (one.status, one.parsed.code) for what, one in refused.items()} == {
        "key": (401, 1200),
        "batch's key": (401, 1200),
        "details' key": (401, 1200),
        "number": (400, 1002),
        "no such message": (404, 1300),
        "no umid": (404, 1300),
        "too many": (400, 1100),
        "none": (400, 3012),
    }


async def test_a_batch_is_sent_once_however_often_it_is_asked_for(
    bridge: Bridge, client: GeneratedClient
) -> None:
    before = len(await bridge.control.requests())
    numbers = [bridge.number() for _ in range(6)]
    messages: list[dict[str, Any]] = [
        *({"destination": one, "text": "Your code is 4711"} for one in numbers),
        {"destination": numbers[0], "text": "您的订单已发货", "client_message_id": "order 2"},
        {"destination": "12345", "text": "Nobody gets this"},
    ]
    batch: dict[str, Any] = {
        "client_batch_id": "b-1",
        "template": {"source": "Acme"},
        "include_messages_in_response": True,
    }

    first = await client.send_batch(messages, **batch)
    second = await client.send_batch(messages, **batch)

    assert (first.parsed.accepted_count, first.parsed.rejected_count) == (7, 1)
    assert first.parsed.client_batch_id == "b-1"
    assert second.body == first.body
    umids = [message.umid for message in first.parsed.messages]
    assert len(set(umids)) == 8
    for umid in umids[:7]:
        await delivered(bridge, client, umid)
    assert [await bridge.sms_to(number) for number in numbers] == [2] + [1] * 5
    await what_left_for_8x8_is_as_it_wants_it(bridge, since=before)


async def delivered(bridge: Bridge, client: GeneratedClient, umid: str) -> Answered:
    """Ask for a message's details until it is delivered."""
    return await bridge.control.until(
        lambda: client.details(umid), lambda found: found.parsed.status.state == "delivered"
    )


async def what_left_for_8x8_is_as_it_wants_it(bridge: Bridge, *, since: int) -> None:
    requests = await bridge.control.requests(since=since)
    assert requests
    for request in requests:
        problems_of = problems_of_batch_request if request["batch"] else problems_of_send_request
        assert problems_of(request["body"]) == []
