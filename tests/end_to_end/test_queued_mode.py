"""Every message through the send queue: batches, each message once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.eightx8.contract import problems_of_batch_request
from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("queued_mode"),
]

BURST = 40


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def queued_mode(stack: LocalStack) -> AsyncIterator[None]:
    """The same stack with another value of one parameter; the old one comes back afterwards."""
    await stack.deploy(DispatchMode="queued")
    yield
    # What is not named keeps its value.
    await stack.deploy(DispatchMode="direct")


async def test_a_burst_reaches_8x8_in_batches_and_each_message_once(
    stack: LocalStack, bridge: Bridge
) -> None:
    # One is rejected alone, one has its whole batch throttled, one fails for good later.
    endings = ["0004", "0009", "0001", *["0000"] * (BURST - 3)]
    requests_before = len(stack.eightx8.requests)

    messages = await asyncio.gather(
        *(bridge.send(destination=bridge.number(ending)) for ending in endings)
    )
    for message in messages:
        await bridge.reported(message)

    requests = stack.eightx8.requests[requests_before:]
    assert all(request.batch for request in requests)
    assert len(requests) < BURST
    assert [problem for one in requests for problem in problems_of_batch_request(one.body)] == []
    taken = [request for request in requests if request.status == 200]
    assert [request.status for request in requests if request not in taken] == [429]
    posted = Counter(
        message["clientMessageId"] for request in taken for message in request.body["messages"]
    )
    assert posted == Counter({message.unique_id: 1 for message in messages})
    assert [message.reason for message in messages[:3]] == [
        "eightx8_rejected",
        "",
        "eightx8_undelivered_1",
    ]
    assert {message.belief for message in messages[3:]} == {"delivered"}
    assert {bridge.sms_to(message.destination) for message in messages[1:]} == {1}
    assert {len(message.reports) for message in messages} == {1}


async def test_simultaneous_repeats_are_one_sms(bridge: Bridge) -> None:
    number = bridge.number()

    messages = await asyncio.gather(*(bridge.send(destination=number) for _ in range(6)))
    # The simulator files a report with the last message that was answered with its id.
    await bridge.reported(*messages)

    assert {answer.http_status for message in messages for answer in message.answers} == {200}
    assert len({message.unique_id for message in messages}) == 1
    assert bridge.sms_to(number) == 1


async def test_who_stopped_gets_no_offers(stack: LocalStack, bridge: Bridge) -> None:
    number = bridge.number()
    await stack.eightx8.receive_inbound(
        sub_account_id="Acme_Promotional", source=number, destination="+6590001111", body="stop!"
    )
    await stack.eightx8.settled(30)

    message = await bridge.send(destination=number, sender=stack.senders.promotional)
    await bridge.reported(message)

    assert [answer.http_status for answer in message.answers] == [200]
    assert (message.belief, message.reason) == ("failed", "opted_out")
    assert bridge.sms_to(number) == 0
