"""8x8's SMS platform, served on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from local.eightx8.callbacks import Target
from local.eightx8.gate import errors_of
from local.eightx8.platform import Platform
from local.eightx8.reporting_api import ReportingApi
from local.eightx8.send_api import SendApi
from local.eightx8.webhook_api import WebhookApi
from local.servers import serve

# A full batch of long messages; 8x8 documents no limit.
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
# How many callbacks are under way at once.
_CONNECTIONS = 32


class EightX8Simulator(Platform):
    """One account of 8x8's, behind HTTP.

    See `Platform` for its parameters and for what it remembers.
    """

    def application(self) -> web.Application:
        """Return what answers its API's requests."""
        application = web.Application(
            middlewares=[errors_of(self)], client_max_size=_BODY_LIMIT_BYTES
        )
        for api in (SendApi(self), ReportingApi(self), WebhookApi(self)):
            application.add_routes(api.routes())
        return application

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on loopback, once; gives the base URL. What is still pending ends with it."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        # Not the total: the time until a connection of the pool is free is not the receiver's.
        seconds = self.pace.callback_timeout
        timeout = aiohttp.ClientTimeout(sock_connect=seconds, sock_read=seconds)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            serve(self.application(), port=port) as url,
        ):

            async def post(target: Target, event: dict[str, Any]) -> int:
                headers = {"Authorization": target.authorization} if target.authorization else {}
                try:
                    async with session.post(
                        target.url, json=event, headers=headers, allow_redirects=False
                    ) as answer:
                        return answer.status
                except (aiohttp.ClientError, TimeoutError):
                    return 0

            self.post = post
            try:
                yield url
            finally:
                await self._stop()
