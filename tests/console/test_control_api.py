"""The control API over HTTP, as the page and every other test may use it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from local.console.client import ControlApi, Method, RefusedError, SentMessage
from local.stack import SUB_ACCOUNT_IDS, LocalStack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def api(url: str) -> AsyncIterator[ControlApi]:
    async with ControlApi.at(url) as api:
        yield api


async def send(api: ControlApi, number: str) -> SentMessage:
    return await api.send(number=number, text=f"Hello {number}")


async def failed(api: ControlApi, message: SentMessage) -> SentMessage:
    """Wait until MoEngage takes a message for failed."""
    return await api.until(lambda: api.message(message.key), lambda found: found.belief == "failed")


async def test_a_message_is_sent_instructed_and_seen_to_its_end(api: ControlApi) -> None:
    before = await api.counts()
    await api.instruct("fail", errorCode=46)

    sent = await send(api, "+6581239901")
    message = await failed(api, sent)

    assert message.content["verdict"]["symptom"] == "Failed: eightx8_undelivered_46"
    assert message.content["item"]["state"] == "undelivered"
    assert all(entry["number"] != "+6581239901" for entry in await api.call("GET", "phone"))

    # It is in 8x8's books and in MoEngage's, from where they had got to.
    [sms] = await api.sms(since=before["sms"])
    [request] = await api.requests(since=before["requests"])
    [report] = await api.reports(since=before["reports"])
    await api.settled()
    told = [one["event"]["payload"] for one in await api.callbacks(since=before["callbacks"])]
    assert (sms["messageId"], sms["number"]) == (message.unique_id, "+6581239901")
    assert request["messageIds"] == [message.unique_id]
    assert (report["messageId"], report["lost"]) == (message.unique_id, False)
    assert [one["status"]["state"] for one in told] == ["queued", "sent", "undelivered"]


async def test_a_repeat_is_no_second_sms_and_the_verdict_says_so(api: ControlApi) -> None:
    first = await send(api, "+6581239902")
    second = await send(api, "+6581239902")

    assert second.unique_id == first.unique_id
    ids = [one["messageIds"] for one in await api.requests()]
    assert ids.count([first.unique_id]) == 1
    assert "repeat" in second.content["verdict"]["hint"]


async def test_a_sender_is_saved_and_put_back(api: ControlApi) -> None:
    before = await api.call("GET", "settings")
    form = {**before["senders"][0], "method": "GET"}

    await api.call("PUT", "moengage/senders/0", form)
    after = await api.call("GET", "settings")
    assert after["senders"][0] == form
    assert after["thisStack"] == before["thisStack"]
    await api.call("PUT", "moengage/senders/0", before["thisStack"][0])


async def test_8x8_takes_the_keys_that_it_is_told_and_no_others(
    api: ControlApi, stack: LocalStack
) -> None:
    await api.save_api_keys("another-key")
    refused = await failed(api, await send(api, "+6581239903"))
    await api.save_api_keys(stack.eightx8_api_key)
    sent = await send(api, "+6581239904")

    assert refused.reason == "eightx8_unauthorized"
    assert sent.belief == "sent"


async def test_a_reply_is_known_to_the_bridge_and_to_moengage(api: ControlApi) -> None:
    umid = await api.reply(number="+6581239905", text="STOP", sub_account_id=SUB_ACCOUNT_IDS[1])

    known = await api.until(lambda: api.attributes("+6581239905"), bool)

    assert known["moe_sms_subscription"] == "OPTOUT"
    [reply] = [one for one in await api.call("GET", "phone") if one["umid"] == umid]
    assert (reply["text"], reply["told"]) == ("STOP", True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "messages/99999", None, 404, ""),
        ("GET", "eightx8/sms?since=-1", None, 400, "since"),
        ("PUT", "moengage/senders/9", {}, 404, ""),
        ("PUT", "moengage/senders/1", {"apiUrl": "ftp://x"}, 400, "apiUrl"),
        ("PUT", "moengage/tracking", {}, 400, "successValues"),
        ("PUT", "moengage/refusals", {"reports": -1}, 400, "reports"),
        ("PUT", "eightx8/instructions", {"course": "deliver", "messages": 101}, 400, "messages"),
        ("PUT", "eightx8/api-keys", {"apiKeys": "key"}, 400, "apiKeys"),
        ("PUT", "eightx8/api-keys", {"apiKeys": [5]}, 400, "apiKeys"),
        ("POST", "moengage/test-sms", {"sender": "none"}, 400, "sender"),
        ("POST", "phone/replies", {"number": "x", "text": "STOP"}, 400, "subAccountId"),
        ("POST", "campaigns", {"messages": 0}, 400, "messages"),
        ("POST", "campaigns", {"mix": {"explode": 1}}, 400, "mix"),
        ("POST", "campaigns", [1], 400, ""),
    ],
)
async def test_what_cannot_be_done_is_refused_by_the_field(
    api: ControlApi, method: Method, path: str, body: Any, status: int, field: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        await api.call(method, path, body)

    assert (caught.value.status, caught.value.field) == (status, field)


async def test_reconcile_can_be_run_now(api: ControlApi) -> None:
    assert isinstance(await api.call("POST", "reconcile"), dict)
