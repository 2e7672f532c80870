"""Instructions for 8x8's simulator."""

from collections.abc import AsyncIterator

import pytest

from local.eightx8 import Course, Instruction
from local.eightx8.error_codes import ERROR_CODES
from local.eightx8.scenarios import endings
from local.eightx8.segments import unicode_characters
from tests.simulators.eightx8_setting import KEY, NUMBER, Setting, a_setting, messages_path


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with a_setting() as setting:
        await setting.register()
        yield setting


async def send(setting: Setting, message_id: str = "m-1", number: str = NUMBER) -> int:
    status, _ = await setting.send(destination=number, clientMessageId=message_id)
    return status


class TestWhichMessage:
    async def test_the_next_ones_in_order_then_by_the_number(self, setting: Setting) -> None:
        upcoming = setting.simulator.instructions.upcoming
        upcoming.append(Instruction(course=Course.FAIL, error_code=43))
        upcoming.append(Instruction(course=Course.FAIL, error_code=36))

        for message_id in ("m-1", "m-2", "m-3"):
            await send(setting, message_id, "+6591230001")
        await setting.settle()

        codes = [message.last.error_code for message in setting.simulator.messages]
        assert codes == [43, 36, 1]

    async def test_all_from_now_on_until_it_is_withdrawn(self, setting: Setting) -> None:
        instructions = setting.simulator.instructions
        instructions.standing = Instruction(course=Course.REFUSE)

        statuses = [await send(setting, message_id) for message_id in ("m-1", "m-2")]
        instructions.clear()
        statuses.append(await send(setting, "m-3"))

        assert statuses == [400, 400, 200]

    async def test_a_message_that_comes_again_is_no_next_one(self, setting: Setting) -> None:
        upcoming = setting.simulator.instructions.upcoming
        upcoming.append(Instruction(course=Course.THROTTLE, seconds=2))

        statuses = [await send(setting, one) for one in ("m-1", "m-2", "m-1")]

        assert statuses == [429, 200, 200]

    async def test_each_throttled_message_meets_it_once_also_at_one_number(
        self, setting: Setting
    ) -> None:
        setting.simulator.instructions.standing = Instruction(course=Course.THROTTLE)

        statuses = [await send(setting, one) for one in ("m-1", "m-2", "m-1", "m-2")]

        assert statuses == [429, 429, 200, 200]

    async def test_a_whole_numbers_scenario_comes_first(self, setting: Setting) -> None:
        setting.simulator.scenarios[NUMBER.removeprefix("+")] = Instruction(
            course=Course.SILENT
        ).scenario
        setting.simulator.instructions.standing = Instruction(course=Course.REFUSE)

        assert await send(setting) == 200
        assert setting.simulator.messages[0].scenario.callbacks == "none"

    async def test_in_a_batch_each_message_meets_its_own(self, setting: Setting) -> None:
        upcoming = setting.simulator.instructions.upcoming
        upcoming.append(Instruction(course=Course.REFUSE))
        messages = [
            {"destination": NUMBER, "text": "Hello", "clientMessageId": one} for one in ("a", "b")
        ]

        _, answer = await setting.call(
            "POST",
            f"{messages_path()}/batch",
            json={"messages": messages, "includeMessagesInResponse": True},
        )

        codes = [message["status"]["code"] for message in answer["messages"]]
        assert codes == ["REJECTED", "QUEUED"]


class TestCourses:
    @pytest.mark.parametrize(
        ("course", "states"),
        [
            (Course.DELIVER, ["queued", "sent", "delivered"]),
            (Course.FAIL, ["queued", "sent", "undelivered"]),
            (Course.SILENT, []),
            (Course.TWICE, ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
            (Course.OUT_OF_ORDER, ["delivered", "sent", "queued"]),
        ],
    )
    async def test_receipts(self, setting: Setting, course: Course, states: list[str]) -> None:
        setting.simulator.instructions.upcoming.append(Instruction(course=course))

        assert await send(setting) == 200
        await setting.settle()

        attempts = setting.simulator.callbacks
        sent = [attempt.event["payload"]["status"]["state"] for attempt in attempts]
        assert sent == states

    @pytest.mark.parametrize("accepted", [True, False])
    async def test_whether_it_was_accepted_a_500_does_not_say(
        self, setting: Setting, accepted: bool
    ) -> None:
        instruction = Instruction(course=Course.ERROR, accepted=accepted)
        setting.simulator.instructions.upcoming.append(instruction)

        assert await send(setting) == 500
        assert len(setting.simulator.messages) == accepted

    async def test_it_was_accepted_and_no_receipt_comes(self, setting: Setting) -> None:
        instruction = Instruction(course=Course.ERROR, silent=True)
        setting.simulator.instructions.upcoming.append(instruction)

        assert await send(setting) == 500
        await setting.settle()

        assert [message.state for message in setting.simulator.messages] == ["delivered"]
        assert setting.simulator.callbacks == []

    async def test_a_message_that_comes_again_can_fare_better(self, setting: Setting) -> None:
        upcoming = setting.simulator.instructions.upcoming
        upcoming.append(Instruction(course=Course.ERROR, accepted=False, once=True))
        upcoming.append(Instruction(course=Course.ERROR, accepted=False))

        statuses = [await send(setting, one) for one in ("m-1", "m-1", "m-2", "m-2")]

        assert statuses == [500, 200, 500, 500]

    def test_every_code_has_a_scenario_for_it(self) -> None:
        for code, text in ERROR_CODES.items():
            last = Instruction(course=Course.FAIL, error_code=code).scenario.receipts[-1]
            assert (last.error_code, last.error_message) == (code, text)


class TestWhatIsShown:
    async def test_a_request_is_kept_with_its_key_masked(self, setting: Setting) -> None:
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
    def test_what_forces_unicode(self, text: str, characters: list[str]) -> None:
        assert unicode_characters(text) == characters

    def test_the_table_of_endings(self) -> None:
        rows = dict(endings())
        assert rows["0001"] == "undelivered: error 1, absent subscriber"
        assert list(rows)[-1] == "others"
