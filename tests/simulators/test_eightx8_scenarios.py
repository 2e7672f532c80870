"""The simulator of 8x8 does with messages what their scenarios say."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from local.eightx8 import Fault, Receipt, Scenario, contract
from local.eightx8.scenarios import DELIVERED, QUEUED, SENT
from tests.simulators.eightx8_setting import NUMBER, Setting, messages_path

BATCH = f"{messages_path()}/batch"


async def test_rejected_at_once_is_still_200(setting: Setting) -> None:
    status, answer = await setting.send(destination="+6591230003")
    await setting.settle()

    assert (status, answer["status"]["code"]) == (200, "REJECTED")
    assert contract.problems_of("SmsResponse", answer) == []
    assert setting.simulator.messages == []
    assert [message.umid for message in setting.simulator.rejected] == [answer["umid"]]


@pytest.mark.parametrize(
    ("suffix", "status", "code", "accepted"),
    [("0004", 400, 1002, 0), ("0010", 500, 2000, 1), ("0011", 500, 2000, 0)],
)
async def test_answered_with_an_error(
    setting: Setting, suffix: str, status: int, code: int, accepted: int
) -> None:
    answered, error = await setting.send(destination=f"+659123{suffix}")

    assert (answered, error["code"]) == (status, code)
    assert len(setting.simulator.messages) == accepted
    assert setting.simulator.requests[0].status == status


async def test_throttled_once(setting: Setting) -> None:
    statuses = [(await setting.send(destination="+6591230009"))[0] for _ in range(3)]

    assert statuses == [429, 200, 200]
    assert len(setting.simulator.messages) == 2


async def test_the_answer_never_comes(setting: Setting) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await setting.send(destination="+6591230012")

    assert len(setting.simulator.messages) == 1
    assert setting.simulator.requests[0].status == 0


async def test_the_connection_is_reset(setting: Setting) -> None:
    # The reset is seen as such, or as an end, by when it comes.
    with pytest.raises(aiohttp.ClientConnectionError):
        await setting.send(destination="+6591230014")

    assert len(setting.simulator.messages) == 1
    assert setting.simulator.requests[0].status == 0


async def test_the_answer_is_no_json(setting: Setting) -> None:
    with pytest.raises(aiohttp.ContentTypeError):
        await setting.send(destination="+6591230015")

    assert len(setting.simulator.messages) == 1


async def test_a_number_can_be_given_a_scenario_of_its_own(setting: Setting) -> None:
    unavailable = Fault(status=503, message="Service unavailable", times=1)
    setting.simulator.scenarios[NUMBER.removeprefix("+")] = Scenario(fault=unavailable)
    setting.simulator.scenarios["4567"] = Scenario(receipts=(Receipt("read"),))

    statuses = [(await setting.send())[0] for _ in range(2)]
    other, _ = await setting.send(destination="+6581234567")

    assert (statuses, other) == ([503, 200], 200)
    assert setting.simulator.messages[1].scenario.receipts == (Receipt("read"),)


async def test_8x8_may_be_slow(setting: Setting) -> None:
    setting.simulator.scenarios[""] = Scenario(seconds_to_answer=3)

    sending = asyncio.create_task(setting.send())
    await setting.time.turn_until_settled(lambda: not sending.done())

    assert setting.simulator.messages[0].accepted_at == 1_795_000_003.0


async def test_one_message_may_refuse_its_whole_batch(setting: Setting) -> None:
    refused = Fault(status=400, code=1002, message="Invalid MSISDN format", refuses_batch=True)
    setting.simulator.scenarios["0017"] = Scenario(fault=refused)
    numbers = (NUMBER, "+6591230017")

    status, error = await setting.call(
        "POST",
        BATCH,
        json={"messages": [{"destination": one, "text": "Hello"} for one in numbers]},
    )

    assert (status, error["code"]) == (400, 1002)
    assert setting.simulator.messages == []


async def test_each_receipt_may_have_times_of_its_own(setting: Setting) -> None:
    """The first comes at once, the second never, the last twice."""
    await setting.register()
    begin = setting.time.now
    setting.simulator.scenarios[""] = Scenario(
        receipts=(
            replace(QUEUED, after=0.0),
            replace(SENT, after=5.0, callbacks_after=()),
            replace(DELIVERED, after=60.0, callbacks_after=(30.0, 0.0)),
        )
    )

    await setting.send()
    await setting.settle()

    sent = [
        (attempt.event["payload"]["status"]["state"], attempt.at - begin)
        for attempt in setting.simulator.callbacks
    ]
    assert sent == [("queued", 0.0), ("delivered", 65.0), ("delivered", 95.0)]
    [message] = setting.simulator.messages
    assert [receipt.state for receipt in message.history] == ["queued", "sent", "delivered"]
    assert message.last_at - begin == 65.0
