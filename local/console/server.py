"""Serves the page, the control API and its events on a loopback port."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio import QueueShutDown
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from botocore.exceptions import BotoCoreError, ClientError

from local.console import views
from local.console.control import Control, NotThereError
from local.console.forms import FormError, text_of
from local.console.hub import Hub, event_of
from local.servers import serve
from local.stack import LocalStack

PAGE = Path(__file__).parent / "page"
_CONTROL = web.AppKey("control", Control)
_HUB = web.AppKey("hub", Hub)

_SECONDS_BETWEEN_LOOKS = 0.25
_SECONDS_BETWEEN_LOG_READS = 1.0
_SECONDS_BETWEEN_SIGNS_OF_LIFE = 15
_BODY_LIMIT_BYTES = 256 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD"})
# Keep the page to itself, beside what every server of the local stack refuses.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@asynccontextmanager
async def console(stack: LocalStack) -> AsyncIterator[str]:
    """Serve the console of a stack that runs; gives its URL."""
    control, hub = Control(stack), Hub()
    application = web.Application(middlewares=[guard, _errors], client_max_size=_BODY_LIMIT_BYTES)
    application[_CONTROL], application[_HUB] = control, hub
    application.add_routes(routes())
    application.on_response_prepare.append(add_headers)
    async with serve(application, port=stack.console_port, has_page=True) as url:
        looking = asyncio.create_task(_look(control, hub))
        try:
            yield f"{url}/"
        finally:
            hub.close()
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await control.close()


def routes() -> list[web.AbstractRouteDef]:
    return [
        web.get("/", _page),
        web.static("/page", PAGE),
        web.get("/api/events", _events),
        web.get("/api/settings", _answer(lambda control, _: control.settings())),
        web.get("/api/situation", _answer(lambda control, _: control.situation())),
        web.get("/api/messages", _answer(lambda control, _: control.rows())),
        web.get("/api/messages/{key}", _answer(lambda control, form: control.message(form["key"]))),
        web.get("/api/phone", _answer(lambda control, _: control.phone())),
        web.get("/api/books", _answer(lambda control, _: control.counts())),
        web.get("/api/eightx8/requests", _list(Control.requests)),
        web.get("/api/eightx8/sms", _list(Control.sms)),
        web.get("/api/eightx8/callbacks", _list(Control.callbacks)),
        web.get("/api/moengage/reports", _list(Control.reports)),
        web.get("/api/moengage/users", _answer(lambda control, _: control.users())),
        web.get("/api/moengage/mapping-keys", _answer(lambda control, _: control.mapping_keys())),
        web.post("/api/moengage/test-sms", _answer(Control.send_test)),
        web.put("/api/moengage/senders/{place:[0-9]{1,3}}", _answer(Control.save_sender)),
        web.put("/api/moengage/tracking", _answer(Control.save_tracking)),
        web.post("/api/moengage/what-to-type", _answer(Control.what_to_type)),
        web.put("/api/moengage/refusals", _answer(Control.refuse_reports)),
        web.put("/api/eightx8/api-keys", _answer(Control.save_api_keys)),
        web.put("/api/eightx8/instructions", _answer(Control.instruct)),
        web.delete(
            "/api/eightx8/instructions", _answer(lambda control, _: control.withdraw_instructions())
        ),
        web.post("/api/phone/replies", _answer(Control.reply)),
        web.post("/api/phone/clicks", _answer(Control.click)),
        web.post("/api/segments", _answer(lambda _, form: views.size(text_of(form, "text")))),
        web.post("/api/campaigns", _answer(Control.start_campaign)),
        web.delete("/api/campaigns", _answer(lambda control, _: control.stop_campaign())),
        web.post("/api/reconcile", _answer(lambda control, _: control.reconcile())),
    ]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take changes as JSON only, which no form of another site can send."""
    if request.method not in _SAFE_METHODS and request.content_type != "application/json":
        return web.json_response({"message": "The body must be JSON."}, status=403)
    return await handler(request)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what keeps the page to itself; for ``on_response_prepare``."""
    response.headers.update(_HEADERS)


# -------------------------------------------------------------------------------------- the answers
def _answer(
    act: Callable[[Control, Mapping[str, Any]], Any],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make a handler of an action, whose form is the body with the path's variable parts."""

    async def handler(request: web.Request) -> web.Response:
        form = await _form(request) if request.can_read_body else {}
        found = act(request.app[_CONTROL], {**form, **request.match_info})
        return web.json_response(await found if isawaitable(found) else found)

    return handler


def _list(
    read: Callable[[Control, int], list[dict[str, Any]]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make a handler that lists something written down, from the place ``since`` on."""

    async def handler(request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isascii() or not since.isdecimal():
            raise FormError("since", "must be a whole number")
        return web.json_response(read(request.app[_CONTROL], int(since)))

    return handler


async def _page(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


async def _form(request: web.Request) -> Mapping[str, Any]:
    try:
        form = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise FormError("", "the body is not JSON") from None
    if not isinstance(form, dict):
        raise FormError("", "the body must be an object")
    return form


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except FormError as error:
        return web.json_response({"field": error.field, "message": error.message}, status=400)
    except NotThereError:
        return web.json_response({"message": "There is no such thing."}, status=404)


# --------------------------------------------------------------------------------------- the events
async def _events(request: web.Request) -> web.StreamResponse:
    """Send all there is, then every change, until the page is closed or the stack ends."""
    control, hub = request.app[_CONTROL], request.app[_HUB]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    async with hub.listening() as events:
        await response.prepare(request)
        await response.write(event_of("everything", _everything(control)))
        with suppress(QueueShutDown, ConnectionError):
            while True:
                try:
                    async with asyncio.timeout(_SECONDS_BETWEEN_SIGNS_OF_LIFE):
                        event = await events.get()
                except TimeoutError:
                    event = b": still here\n\n"
                await response.write(event)
    return response


def _everything(control: Control) -> dict[str, Any]:
    return {
        "settings": control.settings(),
        "situation": control.situation(),
        "messages": control.rows(),
        "requests": control.last_requests(),
        "phone": control.phone(),
    }


async def _look(control: Control, hub: Hub) -> None:
    """Look at everything again and again, and publish what is new."""
    seen = _Seen()
    read_logs_at = 0.0
    while True:
        began = time.monotonic()
        read_logs = began - read_logs_at >= _SECONDS_BETWEEN_LOG_READS
        if read_logs:
            read_logs_at = began
        await _look_at_bridge(control, read_logs=read_logs)
        if hub.has_listeners:
            for name, data in seen.news(control):
                hub.publish(name, data)
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def _look_at_bridge(control: Control, *, read_logs: bool) -> None:
    # The emulator is away for a moment while it is deployed to, and for good at the end.
    with suppress(BotoCoreError, ClientError):
        control.traces.all()
        now = time.time()
        ids = control.traces.due(now)
        if ids:
            control.traces.add_items(await asyncio.to_thread(control.watch.items, ids))
        if read_logs and control.traces.is_active(now):
            control.traces.add_lines(await asyncio.to_thread(control.watch.new_lines))
        if read_logs:
            control.queues = await asyncio.to_thread(control.watch.queues)


class _Seen:
    """What the listeners know already; a new one gets everything at first."""

    def __init__(self) -> None:
        self._lists: dict[str, dict[Any, Any]] = {}
        self._values: dict[str, Any] = {}

    def news(self, control: Control) -> list[tuple[str, Any]]:
        """Return the events for what has changed."""
        lists: dict[str, dict[Any, Any]] = {
            "messages": {row["key"]: row for row in control.rows()},
            "requests": {one["number"]: one for one in control.last_requests()},
            "phone": {one["umid"]: one for one in control.phone()},
        }
        values = {"situation": control.situation(), "settings": control.settings()}
        news: list[tuple[str, Any]] = []
        for name, now in lists.items():
            before = self._lists.get(name, {})
            if changed := [one for key, one in now.items() if one != before.get(key)]:
                news.append((name, changed))
        news += [(name, now) for name, now in values.items() if now != self._values.get(name)]
        self._lists, self._values = lists, values
        return news
