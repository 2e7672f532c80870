"""HTTP servers of the local stack: each on a loopback port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from local.processes import LOOPBACK


@asynccontextmanager
async def serve(application: web.Application) -> AsyncIterator[str]:
    """Serve an application on a loopback port of its own; gives its base URL."""
    # Bodies are passed on and judged as they came, compressed or not.
    runner = web.AppRunner(
        application, access_log=None, auto_decompress=False, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
