"""What pages of other sites and other users of this machine may do: nothing."""

from collections.abc import AsyncIterator, Mapping, MutableMapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from local.guard import GuardedEmulator, Receive, Scope, Send
from local.servers import serve

PORT = 4566
KEY = "395449920627"
SIGNED = {
    "Host": f"127.0.0.1:{PORT}",
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0",
}
API_HOST = f"9ead53b5.execute-api.localhost:{PORT}"


async def ask_emulator(
    headers: Mapping[str, str], *, method: str = "POST", path: str = "/", kind: str = "http"
) -> str:
    """Ask through the guard; gives the path that the emulator got, or the refusal."""
    sent: list[MutableMapping[str, Any]] = []

    async def emulator(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["raw_path"] == scope["path"].encode()
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the guard reads no body")

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await GuardedEmulator(emulator, port=PORT, access_key_id=KEY)(scope, receive, send)
    if kind == "http" and len(sent) > 1:
        assert sent[0]["status"] == 403
        assert all(b"access-control" not in name for name, _ in sent[0]["headers"])
    return str(sent[-1].get("body", b"").decode() or sent[-1]["type"])


async def test_a_call_with_this_runs_access_key_id_reaches_the_emulator() -> None:
    assert await ask_emulator(SIGNED) == "/"
    assert await ask_emulator({**SIGNED, "Host": f"localhost:{PORT}"}) == "/"
    assert await ask_emulator({**SIGNED, "Host": f"host.docker.internal:{PORT}"}) == "/"


@pytest.mark.parametrize(
    "change",
    [
        {"Authorization": ""},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request"},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY[:-1]}/20260101/us-east-1/sqs/x"},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"AWS {KEY}:signature"},
        {"Host": "evil.example"},
        {"Host": f"evil.example:{PORT}"},
        {"Host": "127.0.0.1:1"},
        {"Host": f"127.0.0.1:{PORT}@evil.example"},
        {"Host": f"evil.localhost:{PORT}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{PORT}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_the_emulator_gets_no_other_call(change: Mapping[str, str]) -> None:
    assert await ask_emulator({**SIGNED, **change}) in (
        "Only this machine's loopback address is answered.",
        "Another site may not call this.",
        "The access key id of this run is missing.",
    )


async def test_neither_a_request_without_a_host_nor_a_web_socket_reaches_the_emulator() -> None:
    unnamed = {"Authorization": SIGNED["Authorization"]}
    assert "loopback" in await ask_emulator(unnamed)
    assert await ask_emulator(SIGNED, kind="websocket") == "websocket.close"


async def test_an_http_api_is_called_unsigned_and_leads_to_nothing_but_the_api() -> None:
    called = await ask_emulator({"Host": API_HOST}, path="/callbacks/8x8")
    administration = await ask_emulator({"Host": API_HOST}, path="/_ministack/reset")

    assert called == "/$default/callbacks/8x8"
    assert administration == "/$default/_ministack/reset"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": API_HOST, "Origin": "https://evil.example"},
        {"Host": API_HOST, "Sec-Fetch-Site": "same-site"},
        {"Host": API_HOST.replace(str(PORT), "1")},
        {"Host": f"9ead53b5.execute-api.evil.example:{PORT}"},
        {"Host": f"evil.9ead53b5.execute-api.localhost:{PORT}"},
    ],
)
async def test_an_http_api_is_not_called_by_another_site(headers: Mapping[str, str]) -> None:
    assert await ask_emulator(headers, path="/callbacks/8x8") != "/$default/callbacks/8x8"


async def test_cloudformation_gets_a_functions_answer_unsigned_and_nothing_else() -> None:
    host = {"Host": f"localhost:{PORT}"}
    path = "/_ministack/cfn-response/0f5f3b1e-6c5a-4c8e-9d1b-3c1f0a9b7e55"

    assert await ask_emulator(host, method="PUT", path=path) == path
    assert "missing" in await ask_emulator(host, method="GET", path=path)
    assert "missing" in await ask_emulator(host, method="PUT", path=f"{path}/../../reset")


@pytest.fixture
async def simulator_url() -> AsyncIterator[str]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with serve(application) as url:
        yield url


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_a_simulator_answers_no_other_site(
    simulator_url: str, headers: Mapping[str, str], status: int
) -> None:
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(f"{simulator_url}/anything", headers=headers) as answer,
    ):
        assert answer.status == status


async def test_a_simulator_without_a_page_takes_not_even_its_own_origin(simulator_url: str) -> None:
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(simulator_url, headers={"Origin": simulator_url}) as answer,
    ):
        assert answer.status == 403
