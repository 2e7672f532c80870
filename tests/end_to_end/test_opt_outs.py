"""Who texts STOP or START has it in MoEngage's user profile."""

import pytest

from local.campaign import VIRTUAL_NUMBER
from local.stack import SUB_ACCOUNT_IDS, LocalStack
from tests.end_to_end.bridge import SECONDS_TO_WAIT, Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


async def test_a_persons_wish_arrives_in_moengage(stack: LocalStack, bridge: Bridge) -> None:
    number, data_api = bridge.number(), stack.moengage.data_api

    for text, subscription in (("STOP", "OPTOUT"), ("START", "OPTIN")):
        await stack.eightx8.receive_inbound(
            sub_account_id=SUB_ACCOUNT_IDS[1],
            source=number,
            destination=VIRTUAL_NUMBER,
            body=text,
        )
        await data_api.until(
            lambda wanted=subscription: (  # type: ignore[misc]
                data_api.users[number].get("moe_sms_subscription") == wanted
            ),
            SECONDS_TO_WAIT,
        )

    assert data_api.refused == []
