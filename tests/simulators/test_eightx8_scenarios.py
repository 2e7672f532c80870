"""What the simulator of 8x8 does with messages, by their numbers or as it was instructed."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from local.eightx8 import Course, Fault, Instruction, Receipt, Scenario, contract
from local.eightx8.error_codes import ERROR_CODES
from local.eightx8.scenarios import DELIVERED, QUEUED, SENT, endings
from local.eightx8.segments import unicode_characters
from tests.simulators.eightx8_setting import KEY, NUMBER, Setting, messages_path

TAKEN, ERROR, THROTTLED, NO_NUMBER = (200, 0), (500, 2000), (429, 429), (400, 1002)
HANDED_OVER = ["queued", "sent"]
WELL = ([*HANDED_OVER, "delivered"], ("delivered_to_recipient", None))
BADLY = [*HANDED_OVER, "undelivered"]
NO_RECEIPT: tuple[list[str], None] = ([], None)


async def send(setting: Setting, message_id: str = "m-1", number: str = NUMBER) -> int:
    status, _ = await setting.send(destination=number, clientMessageId=message_id)
    return status


@pytest.mark.parametrize(
    ("instruction", "answers", "accepted", "states", "last"),
    [
        ("0001", [TAKEN], 1, BADLY, ("undelivered_to_recipient", 1)),
        ("0002", [TAKEN], 1, [*HANDED_OVER, "rejected"], ("rejected_by_operator", 15)),
        ("0003", [TAKEN], 0, *NO_RECEIPT),
        ("0004", [NO_NUMBER], 0, *NO_RECEIPT),
        ("0005", [TAKEN], 1, [*BADLY, "delivered"], ("delivered_to_recipient", None)),
        ("0007", [TAKEN], 1, *NO_RECEIPT),
        ("0008", [TAKEN], 1, BADLY, ("rejected_by_operator", 43)),
        ("0009", [THROTTLED, TAKEN], 1, *WELL),
        ("0010", [ERROR], 1, *WELL),
        ("0011", [ERROR], 0, *NO_RECEIPT),
        ("0013", [TAKEN], 1, [*HANDED_OVER, "delivered", "read"], (None, None)),
        (Instruction(course=Course.DELIVER), [TAKEN], 1, *WELL),
        (
            *(Instruction(course=Course.FAIL, error_code=36), [TAKEN], 1),
            *(BADLY, ("undelivered_to_recipient", 36)),
        ),
        (Instruction(course=Course.REFUSE), [NO_NUMBER], 0, *NO_RECEIPT),
        (Instruction(course=Course.SILENT), [TAKEN], 1, *NO_RECEIPT),
        (Instruction(course=Course.THROTTLE), [THROTTLED, TAKEN], 1, *WELL),
        (Instruction(course=Course.ERROR), [ERROR], 1, *WELL),
        (Instruction(course=Course.ERROR, silent=True), [ERROR], 1, *NO_RECEIPT),
        (Instruction(course=Course.ERROR, accepted=False), [ERROR, ERROR], 0, *NO_RECEIPT),
        (Instruction(course=Course.ERROR, accepted=False, once=True), [ERROR, TAKEN], 1, *WELL),
        (
            *(Instruction(course=Course.TWICE), [TAKEN], 1),
            *(sorted(2 * WELL[0], key=WELL[0].index), WELL[1]),
        ),
        (Instruction(course=Course.OUT_OF_ORDER), [TAKEN], 1, WELL[0][::-1], (None, None)),
    ],
)
async def test_a_message_takes_the_course_of_its_number_or_of_the_instruction(
    setting: Setting,
    instruction: str | Instruction,
    answers: list[tuple[int, int]],
    accepted: int,
    states: list[str],
    last: tuple[str | None, int | None] | None,
) -> None:
    await setting.register()
    number = NUMBER
    if isinstance(instruction, str):
        number = f"+659123{instruction}"
    else:
        setting.simulator.instructions.standing = instruction

    for _ in answers:
        await send(setting, number=number)
    await setting.settle()

    assert [(one.status, one.code) for one in setting.simulator.requests] == answers
    assert len(setting.simulator.messages) == accepted
    assert setting.sent_states == states
    if last:
        status = setting.simulator.callbacks[-1].event["payload"]["status"]
        assert (status.get("detail"), status.get("errorCode")) == last
        assert ("errorMessage" in status) == (last[1] is not None)


async def test_rejected_at_once_is_still_200(setting: Setting) -> None:
    status, answer = await setting.send(destination="+6591230003")
    await setting.settle()

    assert (status, answer["status"]["code"]) == (200, "REJECTED")
    assert contract.problems_of("SmsResponse", answer) == []
    assert [message.umid for message in setting.simulator.rejected] == [answer["umid"]]


@pytest.mark.parametrize(
    ("suffix", "seconds", "error", "status"),
    [
        ("0012", 0.05, TimeoutError, 0),
        # The reset is seen as such, or as an end, by when it comes.
        ("0014", None, aiohttp.ClientConnectionError, 0),
        ("0015", None, aiohttp.ContentTypeError, 200),
    ],
)
async def test_a_message_is_taken_and_no_answer_says_so(
    setting: Setting, suffix: str, seconds: float | None, error: type[Exception], status: int
) -> None:
    with pytest.raises(error):
        async with asyncio.timeout(seconds):
            await setting.send(destination=f"+659123{suffix}")

    assert len(setting.simulator.messages) == 1
    assert setting.simulator.requests[0].status == status


async def test_a_number_can_be_given_a_scenario_of_its_own(setting: Setting) -> None:
    unavailable = Fault(status=503, message="Service unavailable", times=1)
    setting.simulator.scenarios[NUMBER.removeprefix("+")] = Scenario(fault=unavailable)
    setting.simulator.scenarios["4567"] = Scenario(receipts=(Receipt("read"),))
    # Comes after a whole number, before an ending, and until it is withdrawn.
    setting.simulator.instructions.standing = Instruction(course=Course.REFUSE)

    assert [await send(setting) for _ in range(2)] == [503, 200]
    assert await send(setting, "m-2", "+6581234567") == 400
    setting.simulator.instructions.clear()
    assert await send(setting, "m-3", "+6581234567") == 200
    assert setting.simulator.messages[1].scenario.receipts == (Receipt("read"),)


async def test_8x8_may_be_slow(setting: Setting) -> None:
    setting.simulator.scenarios[""] = Scenario(seconds_to_answer=3)

    sending = asyncio.create_task(setting.send())
    await setting.time.turn_until_settled(lambda: not sending.done())

    assert setting.simulator.messages[0].accepted_at == 1_795_000_003.0


async def test_one_message_may_refuse_its_whole_batch(setting: Setting) -> None:
    refused = Fault(status=400, code=1002, message="Invalid MSISDN format", refuses_batch=True)
    setting.simulator.scenarios["0017"] = Scenario(fault=refused)

    status, error = await setting.send_batch(
        {"destination": NUMBER}, {"destination": "+6591230017"}
    )

    assert (status, error["code"]) == NO_NUMBER
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

    times = [attempt.at - begin for attempt in setting.simulator.callbacks]
    sent = list(zip(setting.sent_states, times, strict=True))
    assert sent == [("queued", 0.0), ("delivered", 65.0), ("delivered", 95.0)]
    [message] = setting.simulator.messages
    assert [receipt.state for receipt in message.history] == ["queued", "sent", "delivered"]
    assert message.last_at - begin == 65.0


async def test_instructions_are_for_the_next_messages_then_the_number_decides(
    setting: Setting,
) -> None:
    for code in (43, 36):
        instruction = Instruction(course=Course.FAIL, error_code=code)
        setting.simulator.instructions.upcoming.append(instruction)

    for message_id in ("m-1", "m-2", "m-3"):
        await send(setting, message_id, "+6591230001")
    await setting.settle()

    assert [one.last.error_code for one in setting.simulator.messages] == [43, 36, 1]


@pytest.mark.parametrize(
    ("all_from_now_on", "ids", "statuses"),
    [
        (True, ("m-1", "m-2", "m-1", "m-2"), [429, 429, 200, 200]),
        (False, ("m-1", "m-1", "m-2", "m-3"), [429, 200, 400, 200]),
    ],
)
async def test_a_message_that_comes_again_is_no_next_one(
    setting: Setting, all_from_now_on: bool, ids: tuple[str, ...], statuses: list[int]
) -> None:
    instructions, throttle = setting.simulator.instructions, Instruction(course=Course.THROTTLE)
    if all_from_now_on:
        instructions.standing = throttle
    else:
        instructions.upcoming.extend((throttle, Instruction(course=Course.REFUSE)))

    assert [await send(setting, one) for one in ids] == statuses


async def test_in_a_batch_each_message_meets_its_own(setting: Setting) -> None:
    setting.simulator.instructions.upcoming.append(Instruction(course=Course.REFUSE))

    messages = [{"destination": NUMBER, "clientMessageId": one} for one in ("a", "b")]
    _, answer = await setting.send_batch(*messages, includeMessagesInResponse=True)

    codes = [message["status"]["code"] for message in answer["messages"]]
    assert codes == ["REJECTED", "QUEUED"]


def test_every_code_has_a_scenario_and_every_ending_a_text() -> None:
    for code, text in ERROR_CODES.items():
        last = Instruction(course=Course.FAIL, error_code=code).scenario.receipts[-1]
        assert (last.error_code, last.error_message) == (code, text)
    rows = dict(endings())
    assert rows["0001"] == "undelivered: error 1, absent subscriber"
    assert list(rows)[-1] == "others"


async def test_a_request_is_kept_with_its_key_masked(setting: Setting) -> None:
    await send(setting)

    [request] = setting.simulator.requests
    assert request.path == messages_path()
    assert request.headers["Authorization"] == "Bearer ***"
    assert request.headers["Content-Type"] == "application/json"
    assert KEY not in repr(request)


@pytest.mark.parametrize(
    ("text", "characters"),
    [("Plain €{}", []), ("Très señor", []), ("café 🎉 ó 🎉", ["🎉", "ó"]), ("`", ["`"])],
)
def test_what_forces_unicode(text: str, characters: list[str]) -> None:
    assert unicode_characters(text) == characters
