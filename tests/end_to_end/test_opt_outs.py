"""Who texts STOP or START is answered, and MoEngage has it: in the profile and as an event."""

from typing import Any

import pytest

from local.campaign import VIRTUAL_NUMBER
from local.stack import INBOUND_EVENT, REPLIES, SUB_ACCOUNT_IDS, LocalStack
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.control_api import ControlApi

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


async def test_an_opt_out_arrives_in_moengage(control: ControlApi, bridge: Bridge) -> None:
    number = bridge.number()

    for text, subscription in (("STOP", "OPTOUT"), ("START", "OPTIN")):
        await control.reply(number=number, text=text, sub_account_id=SUB_ACCOUNT_IDS[1])
        wanted = {"moe_sms_subscription": subscription}
        await control.until(
            lambda: control.attributes(number),
            lambda known, wanted=wanted: wanted.items() <= known.items(),  # type: ignore[misc]
        )

    assert (await control.call("GET", "moengage/users"))["refused"] == []


async def test_each_change_is_answered_once_from_the_number_that_was_written_to(
    stack: LocalStack, control: ControlApi, bridge: Bridge
) -> None:
    number = bridge.number()

    async def phone() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = await control.call("GET", "phone")
        return [one for one in entries if one["number"] == number]

    def received(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(one["from"], one["text"]) for one in entries if one["direction"] == "received"]

    answers = []
    for text, reply in (("STOP", "OptOutReply"), ("Stop!", ""), ("help", "HelpReply")):
        await control.reply(number=number, text=text, sub_account_id=SUB_ACCOUNT_IDS[1])
        if reply:
            answers.append((VIRTUAL_NUMBER, REPLIES[reply]))
            await control.until(phone, lambda entries: received(entries) == answers)
    await control.until(
        lambda: events_of(control, number),
        lambda events: (
            sorted(events)
            == [
                ("STOP", "stop"),
                ("Stop!", "stop"),
                ("help", "help"),
            ]
        ),
    )

    await control.settled()
    url = f"{stack.front_door_url}/messages?destination={number.removeprefix('+')}"
    found = (await bridge.call("GET", url, token=stack.tokens.look_up)).body["messages"]
    assert [one["state"] for one in found] == ["delivered", "delivered"]
    assert all("the bridge's reply" in one["timeline"][0] for one in found)
    # The second STOP was never answered, and MoEngage was told of no outcome.
    assert received(await phone()) == answers
    reported = {one["content"].get("umid") for one in await control.reports()}
    assert not reported & {one["umid"] for one in found}


async def events_of(control: ControlApi, number: str) -> list[tuple[str, str]]:
    events = (await control.call("GET", "moengage/users"))["events"]
    return [
        (one["attributes"]["text"], one["attributes"]["keyword"])
        for one in events
        if (one["user"], one["action"]) == (number, INBOUND_EVENT)
    ]
