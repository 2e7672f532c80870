"""Keeps the page to itself, beside what every server of the local stack refuses."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take changes as JSON only, which no form of another site can send."""
    if request.method not in _SAFE_METHODS and request.content_type != "application/json":
        return web.json_response({"message": "The body must be JSON."}, status=403)
    return await handler(request)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what keeps the page to itself; for ``on_response_prepare``."""
    response.headers.update(_HEADERS)
