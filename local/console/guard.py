"""Lets only this machine's own page drive the stack.

The server listens on loopback, which any web page that is open in the same browser can reach as
well. So the host must be loopback's (no name that was pointed there), the origin must be the page's
own, and what changes something must be JSON, which no form of another site can send.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from local.processes import LOOPBACK

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OWN_SITES = frozenset({"", "none", "same-origin"})
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
    """Refuse what another site may have caused."""
    refusal = refusal_of(request)
    if refusal:
        return web.json_response({"message": refusal}, status=403, headers=_HEADERS)
    return await handler(request)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what keeps the page to itself; for ``on_response_prepare``."""
    response.headers.update(_HEADERS)


def refusal_of(request: web.Request) -> str:
    """Say why a request is not let in; empty where it is."""
    hosts = {f"{name}:{_port_of(request)}" for name in (LOOPBACK, "localhost")}
    if request.headers.get("Host") not in hosts:
        return "The console answers to its loopback address only."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers['Host']}":
        return "Another site may not drive the console."
    if request.path == "/":
        return ""
    if request.headers.get("Sec-Fetch-Site", "") not in _OWN_SITES:
        return "Another site may not drive the console."
    if request.method not in _SAFE_METHODS and request.content_type != "application/json":
        return "The body must be JSON."
    return ""


def _port_of(request: web.Request) -> int | None:
    address = request.transport.get_extra_info("sockname") if request.transport else None
    return int(address[1]) if address else None
