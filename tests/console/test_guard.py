"""Only the page of this machine drives the console."""

import json
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from local.console.guard import add_headers, guard
from local.servers import serve

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response("let in")

    application = web.Application(middlewares=[guard])
    application.on_response_prepare.append(add_headers)
    application.router.add_route("*", "/{path:.*}", answer)
    async with serve(application, has_page=True) as url:
        yield url


async def status_of(url: str, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.request(method, url, headers=named, skip_auto_headers=["Content-Type"]) as answer,
    ):
        return answer.status


async def test_its_own_page_may_do_all(url: str) -> None:
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin", **JSON}

    assert await status_of(f"{url}/") == 200
    assert await status_of(f"{url}/api/settings", Sec_Fetch_Site="same-origin") == 200
    assert await status_of(f"{url}/api/campaigns", "POST", **own) == 200


async def test_a_script_on_this_machine_may_as_well(url: str) -> None:
    assert await status_of(f"{url}/api/campaigns", "POST", **JSON) == 200
    port = urlsplit(url).port
    assert await status_of(f"{url}/api/settings", Host=f"localhost:{port}") == 200


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Host": "evil.example"}),
        ("GET", {"Host": "127.0.0.1:1"}),
        ("POST", {"Origin": "https://evil.example", **JSON}),
        ("POST", {"Origin": "null", **JSON}),
        ("GET", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", {"Sec-Fetch-Site": "same-site"}),
        ("DELETE", {}),
        ("PUT", {"Content-Type": "text/plain"}),
        ("POST", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
async def test_another_site_may_not(url: str, method: str, headers: Mapping[str, str]) -> None:
    assert await status_of(f"{url}/api/campaigns", method, **headers) == 403


async def test_a_link_from_anywhere_leads_to_the_page_alone(url: str) -> None:
    assert await status_of(f"{url}/", Sec_Fetch_Site="cross-site") == 200
    assert await status_of(f"{url}/", Host="evil.example") == 403


async def test_the_page_is_in_no_frame_and_loads_from_nowhere_else(url: str) -> None:
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(url) as answer:
        assert json.loads(await answer.read()) == "let in"
        policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
