"""The HTTP API under one plain host name, as its callers see it on AWS.

The emulator serves an API under a host name that does not resolve. The front door is an address
that does: it passes each request on unchanged, whatever its method, path and bytes, so that a
client of 8x8's API only has to change the host.
"""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from local.servers import serve

# API Gateway's own limits.
BODY_LIMIT_BYTES = 10 * 1024 * 1024
SECONDS_TO_ANSWER = 30
# The emulator starts one more process for a call that comes while others run, which takes seconds
# of both processors of a small machine. Without a limit a burst of receipts starts dozens, all
# calls run into their callers' timeouts, and the repeats start more.
CALLS_AT_ONCE = 2
# Belong to one connection, or are written anew for the next.
NOT_PASSED_ON = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding"}
)
NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@asynccontextmanager
async def front_door(emulator_url: str, api_id: str, *, port: int = 0) -> AsyncIterator[str]:
    """Stand for the API's host name; gives the URL to call in its place."""
    emulator = URL(emulator_url)
    # Of one kind, by the first part of the path: receipts must not keep messages waiting.
    slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
        lambda: asyncio.Semaphore(CALLS_AT_ONCE)
    )
    host = f"{api_id}.execute-api.localhost:{emulator.port}"
    async with aiohttp.ClientSession(
        auto_decompress=False,
        skip_auto_headers=NOT_ADDED,
        timeout=aiohttp.ClientTimeout(total=SECONDS_TO_ANSWER, connect=5),
        trust_env=False,
    ) as session:

        async def pass_on(request: web.Request) -> web.Response:
            target = URL(f"{emulator}".rstrip("/") + request.raw_path, encoded=True)
            headers = _passed_on(request.headers)
            headers["Host"] = host
            body = await request.read()
            try:
                async with (
                    slots[request.path.split("/")[1]],
                    session.request(
                        request.method,
                        target,
                        headers=headers,
                        data=io.BytesIO(body) if body else None,
                        allow_redirects=False,
                    ) as answer,
                ):
                    return web.Response(
                        status=answer.status,
                        headers=_passed_on(answer.headers),
                        body=await answer.read(),
                    )
            except (aiohttp.ClientError, TimeoutError):
                return web.json_response({"message": "Service Unavailable"}, status=503)

        application = web.Application(client_max_size=BODY_LIMIT_BYTES)
        application.router.add_route("*", "/{path:.*}", pass_on)
        async with serve(application, port=port) as url:
            yield url


def _passed_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in NOT_PASSED_ON
    )
