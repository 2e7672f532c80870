"""HTTP/1.1 over asyncio, no more of it than the functions' clients need."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes
    ----------
    name
        Under which the exchange is counted; empty for what is not.
    """

    name: str
    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was answered, and when, in seconds of a clock of its own."""

    name: str
    began: float
    ended: float
    request_bytes: int
    reply_bytes: int


Answer = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One connection of a client, kept open as long as the client likes.

    Parameters
    ----------
    answer
        Makes the answers.
    counted
        Hears of every exchange that has a name.
    delay
        Seconds that each answer to a counted exchange is held back.
    """

    def __init__(
        self, answer: Answer, counted: Callable[[Exchange], None], delay: Callable[[], float]
    ) -> None:
        self._answer = answer
        self._counted = counted
        self._delay = delay
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            line, *fields = self._received[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (field.partition(":") for field in fields)
            }
            begins = end + 4
            ends = begins + int(headers.get("content-length", "0"))
            if len(self._received) < ends:
                return
            body, self._received = self._received[begins:ends], self._received[ends:]
            method, path, _ = line.split(" ", 2)
            self._take(Request(method, path, headers, body), ends)

    def _take(self, request: Request, size: int) -> None:
        began = time.monotonic()
        reply = self._answer(request)
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
        )
        data = head.encode() + reply.body

        def write() -> None:
            if reply.name:
                now = time.monotonic()
                self._counted(Exchange(reply.name, began, now, size, len(data)))
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(data)

        delay = self._delay() if reply.name else 0.0
        if delay:
            asyncio.get_running_loop().call_later(delay, write)
        else:
            write()


def json_reply(name: str, content: Any, status: int = 200, kind: str = "application/json") -> Reply:
    """Return an answer with JSON in it."""
    return Reply(name, status, json.dumps(content).encode(), kind)
