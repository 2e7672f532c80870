"""asyncio in virtual time: a loop whose time is the world's, and a server without sockets."""

import asyncio
import io
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from http.client import HTTPResponse
from types import SimpleNamespace
from typing import Any, override

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.chaos.wire import Reply, Request
from tests.chaos.world import World


class WorldLoop(asyncio.BaseEventLoop):
    """Runs what is asynchronous among all else that the world has to do; it takes no time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._begun: set[asyncio.Task[None]] = set()

    @override
    def time(self) -> float:
        return self._world.now

    @override
    def call_soon[*Things](
        self,
        callback: Callable[[*Things], object],
        *args: *Things,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._world.call_later(0.0, partial(self._do, handle))
        return handle

    @override
    def call_at[*Things](
        self,
        when: float,
        callback: Callable[[*Things], object],
        *args: *Things,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._world.call_at(when, partial(self._do, handle))
        return handle

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        self._world.failure = self._world.failure or error

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin what nobody waits for; it must not fail."""
        task = self.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._ended)

    def finish[Thing](self, work: Coroutine[Any, Any, Thing]) -> Thing:
        """Return, from outside, what comes of something that takes no time."""
        task = self.create_task(work)
        self._world.run(until=self._world.now)
        return task.result()

    async def in_an_activity[Thing](self, work: Callable[[], Thing]) -> Thing:
        """Let an activity do something that lets time pass; it goes on if nobody waits any more."""
        done: asyncio.Future[Thing] = self.create_future()

        def do() -> None:
            thing = work()
            if not done.done():
                done.set_result(thing)

        self._world.spawn(do)
        return await done

    @override
    def close(self) -> None:
        for task in asyncio.all_tasks(self):
            task.cancel()
        self._world.run_out()
        super().close()

    def _do(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        _set_running_loop(self)
        try:
            handle._run()
        finally:
            _set_running_loop(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._begun.discard(task)
        if not task.cancelled():
            self._world.failure = self._world.failure or task.exception()


class Server:
    """Serves an application over HTTP, each request on a connection of its own.

    Parameters
    ----------
    address
        Of whoever asks.
    """

    def __init__(
        self, loop: WorldLoop, world: World, application: web.Application, *, address: str
    ) -> None:
        @web.middleware
        async def fail_loudly(request: web.Request, handler: Handler) -> web.StreamResponse:
            # A defect of a simulator is not to look like a 500 of the real service.
            try:
                return await handler(request)
            except web.HTTPException:
                raise
            except Exception as error:
                world.failure = world.failure or error
                raise

        application.middlewares.insert(0, fail_loudly)
        self._runner = web.AppRunner(application, access_log=None, auto_decompress=False)
        self._address = address
        loop.finish(self._runner.setup())

    async def ask(self, request: Request) -> Reply:
        """Make a request.

        Raises
        ------
        ConnectionResetError
            There is no answer.
        """
        assert self._runner.server is not None
        connection = _Connection(self._runner.server(), self._address)
        connection.protocol.connection_made(connection)
        connection.protocol.data_received(request.as_sent())
        return _read(await connection.answer)


class _Connection(asyncio.Transport):
    """A connection, from the server's side."""

    def __init__(self, protocol: Any, address: str) -> None:
        super().__init__(
            {
                "peername": (address, 50_000),
                "socket": SimpleNamespace(family=None, setsockopt=lambda *_: None),
                "sslcontext": True,
            }
        )
        self.protocol = protocol
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._written = bytearray()
        self._is_closing = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data

    @override
    def is_closing(self) -> bool:
        return self._is_closing

    @override
    def close(self) -> None:
        self._close(lambda: self.answer.set_result(bytes(self._written)))

    @override
    def abort(self) -> None:
        self._close(lambda: self.answer.set_exception(ConnectionResetError()))

    def _close(self, settle: Callable[[], None]) -> None:
        if not self._is_closing:
            self._is_closing = True
            settle()
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


def _read(answer: bytes) -> Reply:
    connection: Any = SimpleNamespace(makefile=lambda _: io.BytesIO(answer))
    response = HTTPResponse(connection)
    response.begin()
    return Reply(
        response.status,
        response.read(),
        {name.lower(): value for name, value in response.getheaders()},
    )
