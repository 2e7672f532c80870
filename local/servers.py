"""HTTP servers of the local stack: each on a loopback port of its own, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from local.guard import refusal_of
from local.processes import LOOPBACK, PortInUseError

_HAS_PAGE = web.AppKey("has_page", bool)


@asynccontextmanager
async def serve(
    application: web.Application, *, port: int = 0, has_page: bool = False
) -> AsyncIterator[str]:
    """Serve an application on a loopback port; gives its base URL.

    Parameters
    ----------
    port
        0 for any that is free.
    has_page
        Whether the application has a page of its own, which may call it.
    """
    application[_HAS_PAGE] = has_page
    application.middlewares.insert(0, _guard)
    # Bodies are passed on and judged as they came, compressed or not.
    runner = web.AppRunner(
        application, access_log=None, auto_decompress=False, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError:
            raise PortInUseError(port) from None
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site may have caused."""
    has_page = request.app[_HAS_PAGE]
    assert request.transport is not None  # noqa: S101 - it has just been read from  # nosec B101
    port = request.transport.get_extra_info("sockname")[1]
    headers = [
        (name, value)
        for name, value in request.headers.items()
        # A link from anywhere may lead to the page.
        if not (has_page and request.path == "/" and name.lower() == "sec-fetch-site")
    ]
    if refusal := refusal_of(headers, port, page=has_page):
        return web.json_response({"message": refusal}, status=403)
    return await handler(request)
