"""What pages of other sites and other users of this machine may do: nothing."""

import json
from collections.abc import AsyncIterator, Mapping, MutableMapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Middleware

from local.console.server import add_headers, guard
from local.guard import GuardedEmulator, Receive, Scope, Send, refusal_of
from local.servers import serve

PORT = 4566
HOST = f"127.0.0.1:{PORT}"
KEY = "395449920627"
SIGNED = {
    "Host": HOST,
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0",
}
API_HOST = f"9ead53b5.execute-api.localhost:{PORT}"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "simulator", "page"),
    [
        ([("Host", HOST)], True, True),
        ([("Host", f"localhost:{PORT}")], True, True),
        ([("Host", f"host.docker.internal:{PORT}")], True, False),
        ([("Host", HOST), ("Sec-Fetch-Site", "none")], True, True),
        ([("Host", HOST), ("Sec-Fetch-Site", "same-origin")], True, True),
        ([("Host", HOST), ("Origin", f"http://{HOST}")], False, True),
        ([("Host", HOST), ("Origin", "https://evil.example")], False, False),
        ([("Host", HOST), ("Origin", "null")], False, False),
        ([("Host", HOST), ("Sec-Fetch-Site", "cross-site")], False, False),
        ([("Host", HOST), ("Sec-Fetch-Site", "same-site")], False, False),
        ([("Host", "evil.example")], False, False),
        ([("Host", f"evil.example:{PORT}")], False, False),
        ([("Host", "127.0.0.1:1")], False, False),
        ([("Host", f"{HOST}@evil.example")], False, False),
        ([("Host", f"evil.localhost:{PORT}")], False, False),
        ([("Host", HOST), ("Host", "evil.example")], False, False),
        ([], False, False),
    ],
)
def test_who_is_let_in_where_there_is_a_page_and_where_there_is_none(
    headers: list[tuple[str, str]], simulator: bool, page: bool
) -> None:
    assert (refusal_of(headers, PORT) == "") is simulator
    assert (refusal_of(headers, PORT, page=True) == "") is page


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


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request",
        f"AWS4-HMAC-SHA256 Credential={KEY[:-1]}/20260101/us-east-1/sqs/x",
        f"Bearer {KEY}",
        f"AWS {KEY}:signature",
    ],
)
async def test_the_emulator_gets_calls_with_this_runs_access_key_id_alone(
    authorization: str,
) -> None:
    assert await ask_emulator(SIGNED) == "/"
    assert "missing" in await ask_emulator({**SIGNED, "Authorization": authorization})
    assert "Another site" in await ask_emulator({**SIGNED, "Origin": "null"})
    assert await ask_emulator(SIGNED, kind="websocket") == "websocket.close"


async def test_an_http_api_is_called_unsigned_and_leads_to_nothing_but_the_api() -> None:
    for path in ("/callbacks/8x8", "/_ministack/reset"):
        assert await ask_emulator({"Host": API_HOST}, path=path) == f"/$default{path}"


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


async def let_in(_request: web.Request) -> web.Response:
    return web.json_response("let in")


async def status_of(url: str, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.request(method, url, headers=named, skip_auto_headers=["Content-Type"]) as answer,
    ):
        return answer.status


def an_application(*middlewares: Middleware) -> web.Application:
    application = web.Application(middlewares=middlewares)
    application.router.add_route("*", "/{path:.*}", let_in)
    return application


async def test_a_simulator_answers_no_other_site_and_has_no_page_of_its_own() -> None:
    async with serve(an_application()) as url:
        assert await status_of(f"{url}/anything", "POST") == 200
        assert await status_of(f"{url}/anything", "POST", Host="evil.example") == 403
        assert await status_of(f"{url}/anything", "POST", Origin=url) == 403
        assert await status_of(url, Sec_Fetch_Site="cross-site") == 403


@pytest.fixture
async def console_url() -> AsyncIterator[str]:
    application = an_application(guard)
    application.on_response_prepare.append(add_headers)
    async with serve(application, has_page=True) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("POST", JSON, 200),
        ("DELETE", {}, 403),
        ("PUT", {"Content-Type": "text/plain"}, 403),
        ("POST", {"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ("POST", {"Origin": "https://evil.example", **JSON}, 403),
    ],
)
async def test_the_console_is_changed_by_json_alone_which_no_form_of_another_site_can_send(
    console_url: str, method: str, headers: Mapping[str, str], status: int
) -> None:
    assert await status_of(f"{console_url}/api/campaigns", method, **headers) == status


async def test_a_link_from_anywhere_leads_to_the_page_alone(console_url: str) -> None:
    assert await status_of(f"{console_url}/", Sec_Fetch_Site="cross-site") == 200
    assert await status_of(f"{console_url}/api/settings", Sec_Fetch_Site="cross-site") == 403
    assert await status_of(f"{console_url}/", Host="evil.example") == 403
    own = {"Origin": console_url, "Sec-Fetch-Site": "same-origin", **JSON}
    assert await status_of(f"{console_url}/api/campaigns", "POST", **own) == 200


async def test_the_page_is_in_no_frame_and_loads_from_nowhere_else(console_url: str) -> None:
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.get(console_url) as answer,
    ):
        assert json.loads(await answer.read()) == "let in"
        policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
