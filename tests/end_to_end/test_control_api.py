"""The console's control API over HTTP, which the page and the tests here use."""

from typing import Any

import pytest

from local.stack import LocalStack
from tests.end_to_end.control_api import ControlApi, Method, RefusedError, SentMessage

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


async def send(control: ControlApi, number: str) -> SentMessage:
    return await control.send(number=number, text=f"Hello {number}")


async def failed(control: ControlApi, message: SentMessage) -> SentMessage:
    """Wait until MoEngage takes a message for failed."""
    return await control.until(
        lambda: control.message(message.key), lambda found: found.belief == "failed"
    )


def is_of(message: SentMessage, written: dict[str, Any]) -> bool:
    """Tell whether something written down is about a message."""
    return bool(written["messageId"] == message.unique_id)


async def test_a_message_is_sent_instructed_and_seen_to_its_end(control: ControlApi) -> None:
    before = await control.counts()
    await control.instruct("fail", errorCode=46)

    sent = await send(control, "+6581239901")
    message = await failed(control, sent)

    assert message.content["verdict"]["symptom"] == "Failed: eightx8_undelivered_46"
    assert message.content["item"]["state"] == "undelivered"
    assert all(entry["number"] != "+6581239901" for entry in await control.call("GET", "phone"))

    # It is in 8x8's books and in MoEngage's, from where they had got to; others may come between.
    await control.settled()
    requests = await control.requests(since=before["requests"])
    events = await control.callbacks(since=before["callbacks"])
    payloads = [one["event"]["payload"] for one in events]
    [sms] = [one for one in await control.sms(since=before["sms"]) if is_of(message, one)]
    [report] = [one for one in await control.reports(before["reports"]) if is_of(message, one)]
    states = [one for one in payloads if one.get("clientMessageId") == message.unique_id]
    assert [message.unique_id] in [one["messageIds"] for one in requests]
    assert sms["number"] == "+6581239901"
    assert not report["lost"]
    assert [one["status"]["state"] for one in states] == ["queued", "sent", "undelivered"]


async def test_a_sender_is_saved_and_put_back(control: ControlApi) -> None:
    before = await control.call("GET", "settings")
    form = {**before["senders"][0], "method": "GET"}

    await control.call("PUT", "moengage/senders/0", form)
    after = await control.call("GET", "settings")
    assert after["senders"][0] == form
    assert after["thisStack"] == before["thisStack"]
    await control.call("PUT", "moengage/senders/0", before["thisStack"][0])


async def test_8x8_takes_the_keys_that_were_saved_and_no_others(
    control: ControlApi, stack: LocalStack
) -> None:
    before = (await control.counts())["requests"]
    await control.save_api_keys("another-key")
    await send(control, "+6581239903")
    await control.save_api_keys(stack.eightx8_api_key)
    await send(control, "+6581239904")

    statuses = [request["status"] for request in await control.requests(since=before)]
    assert statuses == [401, 200]


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
    control: ControlApi, method: Method, path: str, body: Any, status: int, field: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        await control.call(method, path, body)

    assert (caught.value.status, caught.value.field) == (status, field)


async def test_reconcile_can_be_run_now(control: ControlApi) -> None:
    assert isinstance(await control.call("POST", "reconcile"), dict)
