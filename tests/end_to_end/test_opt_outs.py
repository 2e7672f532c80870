"""Who texts STOP or START has it in MoEngage's user profile."""

import pytest

from local.stack import SUB_ACCOUNT_IDS
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
