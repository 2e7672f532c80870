"""Connections to a foreign service, with all that happens to requests on their way."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from sms_bridge.providers.http import Answer, Payload, retry_after_of
from tests.chaos.world import Promise, World


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a foreign service."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    content: bytes = b""

    def as_sent(self) -> bytes:
        """Return it as HTTP."""
        headers = {
            "host": self.host,
            "connection": "close",
            **({"content-length": str(len(self.content))} if self.method == "POST" else {}),
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.content


@dataclass(frozen=True, slots=True)
class Reply:
    """A service's answer."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Mishap[Order]:
    """What goes wrong with one request.

    Attributes
    ----------
    is_refused, is_ignored
        The connection is refused; or nothing answers to it.
    connects_after
        It takes so many seconds: name resolution has no timeout.
    is_unread
        It breaks before the service read the request.
    order
        What the service is told to do with the request.
    instead
        What a gateway answers in place of the service, which does not see the request.
    """

    is_refused: bool = False
    is_ignored: bool = False
    connects_after: float = 0.0
    is_unread: bool = False
    order: Order | None = None
    instead: Reply | None = None


class Service[Order](Protocol):
    """Who answers."""

    def mishap(self, path: str) -> Mishap[Order]:
        """Tell what goes wrong with the next request."""

    def answer(self, request: Request, order: Order | None) -> Coroutine[Any, Any, Reply]:
        """Answer a request; raises ``ConnectionResetError`` where the answer is lost."""


class SimulatedConnections[Order]:
    """:class:`sms_bridge.providers.http.Connections` in virtual time.

    Parameters
    ----------
    begin
        Begins what is asynchronous.
    """

    def __init__(
        self,
        world: World,
        begin: Callable[[Coroutine[Any, Any, None]], None],
        service: Service[Order],
        random: Random,
        *,
        base_url: str,
        connect_timeout: float,
    ) -> None:
        self.base_url = base_url
        self._world = world
        self._begin = begin
        self._service = service
        self._random = random
        self._host = urlsplit(base_url).netloc
        self._connect_timeout = connect_timeout

    def connect(self) -> None:
        """Open a connection ahead: nothing here is kept open."""

    def ask(
        self,
        path: str,
        headers: dict[str, str],
        payload: Payload | None = None,
        *,
        seconds: float,
    ) -> Answer:
        """Ask once, as :class:`~sms_bridge.providers.http.Connections` does."""
        if payload is None:
            return _answer(self._request("GET", path, (), headers, seconds))
        described = {"content-type": "application/json", **headers}
        return _answer(self._request("POST", path, payload, described, seconds))

    def open(
        self, path: str, headers: dict[str, str], *, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Get a file, as :class:`~sms_bridge.providers.http.Connections` does."""
        reply = self._request("GET", path, (), headers, seconds)
        headers = {"content-length": str(len(reply.body)), **reply.headers}
        return urllib3.HTTPResponse(
            body=BytesIO(reply.body), status=reply.status, headers=headers, preload_content=False
        )

    def _request(
        self,
        method: str,
        path: str,
        body: Iterable[bytes],
        headers: dict[str, str],
        seconds: float,
    ) -> Reply:
        wait = self._world.wait
        mishap = self._service.mishap(path)
        pool: Any = None
        if mishap.is_ignored:
            wait(min(self._connect_timeout, seconds))
            raise ConnectTimeoutError(pool, "nobody there")
        wait(self._random.uniform(0.005, 0.03) + mishap.connects_after)
        if mishap.is_refused:
            raise NewConnectionError(pool, "refused")
        request = Request(method, self._host, path, headers, b"".join(body))
        if mishap.is_unread:
            wait(self._random.uniform(0.001, 0.05))
            raise ProtocolError("Connection aborted.")

        replied: Promise[Reply] = Promise(self._world)

        async def pass_on() -> None:
            # The service goes on whatever becomes of the function that asked.
            await asyncio.sleep(self._random.uniform(0.005, 0.03))
            try:
                reply = mishap.instead or await self._service.answer(request, mishap.order)
            except ConnectionResetError as error:
                replied.set_exception(error)
            else:
                replied.set_result(reply)

        self._begin(pass_on())
        try:
            reply = replied.result(seconds)
        except TimeoutError:
            raise ReadTimeoutError(pool, path, "no answer") from None
        except ConnectionResetError:
            raise ProtocolError("Connection broken: incomplete read") from None
        wait(self._random.uniform(0.001, 0.01))
        return reply


def _answer(reply: Reply) -> Answer:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Answer(reply.status, reply.body, retry_after_of(headers))
