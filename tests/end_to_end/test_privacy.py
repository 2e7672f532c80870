"""No text, no whole number, no token and no key is in any log line."""

import asyncio
from dataclasses import astuple

import pytest

from local.campaign import CASES, Result
from local.stack import SUB_ACCOUNT_IDS, LocalStack
from tests.end_to_end.bridge import FORM, Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]

TEXT = "Your one-time code is 824 193"
LONG_ENOUGH_TO_TELL = 8


async def test_the_logs_say_what_happened_and_never_to_whom(
    stack: LocalStack, campaign: list[Result], bridge: Bridge
) -> None:
    number = bridge.number("0004")
    message = await bridge.send(destination=number, text=TEXT)
    # What is refused is not logged either.
    refused = [
        await bridge.post(url, {"message": TEXT, "recipient": [number, number]}, token)
        for url in (stack.send_url(), stack.callback_url)
        for token in (stack.tokens.moengage, f"{stack.tokens.moengage}x", stack.tokens.callback)
    ]
    form = f"message={TEXT}&recipient={number}&recipient={number}".encode()
    refused.append(
        await bridge.call(
            "POST", stack.send_url(), token=stack.tokens.moengage, data=form, headers=FORM
        )
    )
    await bridge.call("GET", f"{stack.callback_url}?token={stack.tokens.callback}")
    await bridge.reported(message)
    control = bridge.control
    await control.reply(number=number, text=TEXT, sub_account_id=SUB_ACCOUNT_IDS[1])
    await control.settled()

    lines = await asyncio.to_thread(stack.logs)

    log = "\n".join(lines)
    known = [result.message_id for result in campaign if result.message_id]
    assert all(message_id in log for message_id in [*known, message.unique_id])
    texts = {TEXT, *(case.text for case in CASES)}
    for request in await control.requests():
        messages = request["body"].get("messages", [request["body"]])
        texts |= {str(message.get("text")) for message in messages}
    numbers = {number, *(case.destination for case in CASES)}
    numbers |= {sms["number"] for sms in await control.sms()}
    secrets = {*astuple(stack.tokens), stack.eightx8_api_key}
    # Requests made up from the OpenAPI file have texts such as "0", which stand anywhere by chance.
    texts = {text for text in texts if len(text) >= LONG_ENOUGH_TO_TELL}
    for secret in texts | secrets:
        # The beginning of it would be too much as well.
        assert secret[:12] not in log
    for whole in numbers:
        assert whole.removeprefix("+") not in log
    assert {answer.status for answer in refused} >= {400, 401}
