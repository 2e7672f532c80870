"""The control API over HTTP, as the page and every other test may use it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECONDS_TO_WAIT = 30


class Api:
    """Calls the control API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        options = {"json": body} if method != "GET" else {}
        async with self._session.request(method, f"/api/{path}", **options) as answer:
            return answer.status, await answer.json()

    async def send(self, number: str, **changes: Any) -> dict[str, Any]:
        """Send a test SMS with the first sender's form."""
        _, settings = await self.call("GET", "settings")
        sender = {**settings["senders"][0], **changes}
        form = {"sender": sender, "number": number, "text": f"Hello {number}"}
        status, message = await self.call("POST", "moengage/test-sms", form)
        assert status == 200
        found: dict[str, Any] = message
        return found

    async def until(self, key: str, status: str) -> dict[str, Any]:
        """Wait until MoEngage's verdict of a message is this one."""
        async with asyncio.timeout(SECONDS_TO_WAIT):
            while True:
                _, message = await self.call("GET", f"messages/{key}")
                if message["verdict"]["status"] == status:
                    found: dict[str, Any] = message
                    return found
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture(loop_scope="session")
async def api(url: str) -> AsyncIterator[Api]:
    timeout = aiohttp.ClientTimeout(SECONDS_TO_WAIT)
    async with aiohttp.ClientSession(url, timeout=timeout, trust_env=False) as session:
        yield Api(session)


async def test_a_message_is_sent_instructed_and_seen_to_its_end(api: Api) -> None:
    await api.call(
        "PUT", "eightx8/instructions", {"course": "fail", "errorCode": 46, "messages": 1}
    )

    sent = await api.send("+6581239901")
    failed = await api.until(sent["key"], "failed")

    assert failed["verdict"]["symptom"] == "Failed: eightx8_undelivered_46"
    assert failed["item"]["state"] == "undelivered"
    _, phone = await api.call("GET", "phone")
    assert all(entry["number"] != "+6581239901" for entry in phone)


async def test_a_repeat_is_no_second_sms_and_the_verdict_says_so(api: Api) -> None:
    first = await api.send("+6581239902")
    second = await api.send("+6581239902")

    assert second["messageId"] == first["messageId"]
    _, requests = await api.call("GET", "eightx8/requests")
    assert [first["messageId"] in one["messageIds"] for one in requests].count(True) == 1
    _, rows = await api.call("GET", "messages")
    hints = {row["key"]: row["verdict"]["hint"] for row in rows}
    assert "repeat" in hints[second["key"]]


async def test_a_sender_is_saved_and_put_back(api: Api) -> None:
    _, before = await api.call("GET", "settings")
    form = {**before["senders"][0], "method": "GET"}

    assert await api.call("PUT", "moengage/senders/0", form) == (200, None)
    _, after = await api.call("GET", "settings")
    assert after["senders"][0] == form
    assert after["thisStack"] == before["thisStack"]
    assert await api.call("PUT", "moengage/senders/0", before["thisStack"][0]) == (200, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "messages/99999", None, 404, None),
        ("PUT", "moengage/senders/9", {}, 404, None),
        ("PUT", "moengage/senders/1", {"apiUrl": "ftp://x"}, 400, "apiUrl"),
        ("PUT", "moengage/tracking", {}, 400, "successValues"),
        ("PUT", "moengage/refusals", {"reports": -1}, 400, "reports"),
        ("PUT", "eightx8/instructions", {"course": "deliver", "messages": 101}, 400, "messages"),
        ("POST", "moengage/test-sms", {"sender": "none"}, 400, "sender"),
        ("POST", "phone/replies", {"number": "x", "text": "STOP"}, 400, "subAccountId"),
        ("POST", "campaigns", {"messages": 0}, 400, "messages"),
        ("POST", "campaigns", {"mix": {"explode": 1}}, 400, "mix"),
        ("POST", "campaigns", [1], 400, ""),
    ],
)
async def test_what_cannot_be_done_is_refused_by_the_field(
    api: Api, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answered, content = await api.call(method, path, body)

    assert (answered, content.get("field")) == (status, field)


async def test_reconcile_can_be_run_now(api: Api) -> None:
    status, findings = await api.call("POST", "reconcile", {})

    assert status == 200
    assert isinstance(findings, dict)
