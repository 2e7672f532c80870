"""Every message through the send queue: batches, each message once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.eightx8.contract import problems_of_batch_request
from local.front_door import CALLS_AT_ONCE
from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.control_api import ControlApi, SentMessage

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
    control: ControlApi, bridge: Bridge
) -> None:
    # One is rejected alone, one has its whole batch throttled, one fails for good later.
    endings = ["0004", "0009", "0001", *["0000"] * (BURST - 3)]
    requests_before = (await control.counts())["requests"]

    # As fast as the front door passes them on, and no faster: for what stands there longer than
    # five seconds on a busy machine, MoEngage would not wait.
    under_way = asyncio.Semaphore(3 * CALLS_AT_ONCE)

    async def send(ending: str) -> SentMessage:
        async with under_way:
            return await bridge.send(destination=bridge.number(ending))

    messages = list(await asyncio.gather(*map(send, endings)))
    await bridge.all_reported(messages)
    await bridge.quiet()
    messages = await bridge.again(messages)

    requests = await control.requests(since=requests_before)
    assert all(request["batch"] for request in requests)
    assert len(requests) < BURST
    assert [problem for one in requests for problem in problems_of_batch_request(one["body"])] == []
    accepted = [request for request in requests if request["status"] == 200]
    assert [request["status"] for request in requests if request not in accepted] == [429]
    posted = Counter(
        message["clientMessageId"]
        for request in accepted
        for message in request["body"]["messages"]
    )
    assert posted == Counter({message.unique_id: 1 for message in messages})
    assert [message.reason for message in messages[:3]] == [
        "eightx8_rejected",
        "",
        "eightx8_undelivered_1",
    ]
    assert {message.belief for message in messages[3:]} == {"delivered"}
    sms = Counter(one["number"] for one in await control.sms())
    assert {sms[message.destination] for message in messages[1:]} == {1}
    assert {len(message.reports) for message in messages} == {1}


async def test_simultaneous_repeats_are_one_sms(bridge: Bridge) -> None:
    number = bridge.number()

    messages = await asyncio.gather(*(bridge.send(destination=number) for _ in range(6)))
    await bridge.reported(*messages)

    assert {status for message in messages for status in message.statuses} == {200}
    assert len({message.unique_id for message in messages}) == 1
    assert await bridge.sms_to(number) == 1
