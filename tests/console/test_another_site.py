"""In Chromium: a page of another origin can neither read nor write while the local stack runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from local.processes import LOOPBACK
from local.stack import LocalStack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# As a page can send them without asking first, and as it would have to ask.
CALLS = """
async (calls) => Promise.all(calls.map(async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return {type: answer.type, text: await answer.text()};
  } catch (error) {
    return {type: "failed", text: ""};
  }
}))
"""
SOCKET = """
(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})
"""


@asynccontextmanager
async def another_site(chromium: Browser) -> AsyncIterator[Page]:
    """Open a page of a server that is none of the stack's; it does not stand behind the guard."""

    async def page_of(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/", page_of)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    context = await chromium.new_context()
    try:
        page = await context.new_page()
        # By another name of loopback: the stack's addresses are another site to it.
        await page.goto(f"http://localhost:{runner.addresses[0][1]}/")
        yield page
    finally:
        await context.close()
        await runner.cleanup()


def attacks(stack: LocalStack) -> list[tuple[str, dict[str, Any]]]:
    """List requests that would read secrets, write, or run code."""
    aws, text = stack.aws.endpoint, {"Content-Type": "text/plain"}
    secret = {"X-Amz-Target": "secretsmanager.ListSecrets"}
    function = '{"FunctionName": "evil", "Role": "arn:aws:iam::000000000000:role/x"}'
    targets: tuple[tuple[str, str, dict[str, str], str | None], ...] = (
        (f"{aws}/_ministack/health", "GET", {}, None),
        (f"{aws}/", "GET", {}, None),
        (f"{aws}/evil-bucket", "PUT", {}, None),
        (f"{aws}/", "POST", {**text, **secret}, "{}"),
        (f"{aws}/", "POST", text, "Action=ListQueues&Version=2012-11-05"),
        (f"{aws}/2015-03-31/functions", "POST", text, function),
        (f"{aws}/_ministack/reset", "POST", text, "{}"),
        (f"{aws}/_aws/execute-api/{stack.deployment.api_id}/$default/messages/x", "GET", {}, None),
        (f"{stack.front_door_url}/callbacks/8x8", "POST", text, "{}"),
        (f"{stack.front_door_url}/messages/x", "GET", {}, None),
        (f"{stack.eightx8_url}/api/v1/accounts/x/webhooks", "GET", {}, None),
        (stack.delivery_tracking_url, "POST", text, '{"umid": "x", "status": "DELIVERED"}'),
    )
    return [
        (url, {"method": method, "mode": mode, "headers": headers, "body": body})
        for url, method, headers, body in targets
        for mode in ("cors", "no-cors")
    ]


async def test_another_site_reads_nothing_writes_nothing_and_runs_nothing(
    chromium: Browser, stack: LocalStack
) -> None:
    functions = {one["FunctionName"] for one in stack.aws.lambda_.list_functions()["Functions"]}
    reports = len(stack.moengage.reports)

    async with another_site(chromium) as page:
        answers = await page.evaluate(CALLS, attacks(stack))
        sockets = [
            await page.evaluate(SOCKET, url.replace("http://", "ws://") + "/")
            for url in (stack.aws.endpoint, stack.front_door_url, stack.eightx8_url)
        ]

    # An opaque answer came, and the page cannot read it; one that failed had to be asked for first.
    assert {(one["type"], one["text"]) for one in answers} == {("failed", ""), ("opaque", "")}
    assert set(sockets) == {"refused"}
    after = {one["FunctionName"] for one in stack.aws.lambda_.list_functions()["Functions"]}
    assert after == functions
    assert all(bucket["Name"] != "evil-bucket" for bucket in stack.aws.s3.list_buckets()["Buckets"])
    assert len(stack.moengage.reports) == reports


async def test_a_name_that_was_pointed_at_loopback_is_not_answered(
    chromium: Browser, stack: LocalStack
) -> None:
    servers = (stack.aws.endpoint, stack.front_door_url, stack.eightx8_url, stack.moengage_url)
    context = await chromium.new_context()
    try:
        page = await context.new_page()
        for url in servers:
            answer = await page.goto(url.replace("127.0.0.1", "rebound.example") + "/")
            assert answer is not None
            assert answer.status == 403
    finally:
        await context.close()
