"""An HTTP server on loopback that behaves as badly as a test asks it to."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

_TIMEOUT = 10.0
"""Seconds after which a server that nobody ends gives up."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came over the wire; header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ServedConnection:
    """One connection, while a behaviour decides what becomes of it."""

    socket: socket.socket
    received: list[ReceivedRequest]
    is_open: bool = True

    def read(self) -> None:
        """Read one request to its end."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more()
        self.received.append(ReceivedRequest(line, headers, body))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, unless the client leaves first."""
        self.socket.settimeout(seconds)
        try:
            self._more()
        except TimeoutError:
            return

    def wait_until_left(self) -> None:
        """Wait until the client has gone."""
        while self.is_open:
            self._more()

    def close(self) -> None:
        self.is_open = False

    def reset(self) -> None:
        """Break the connection off: the client gets a reset, not an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_open = False

    def _more(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionResetError
        return data


Behaviour = Callable[[ServedConnection], None]
"""What the server does when bytes of a request arrive; they are not read yet."""


def answers(status: int = 200, body: bytes = b"{}", **headers: str) -> Behaviour:
    """Read the request and answer it; the connection stays open."""

    def behave(connection: ServedConnection) -> None:
        connection.read()
        lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


def answers_with_bytes(data: bytes) -> Behaviour:
    """Read the request, write these bytes and close."""

    def behave(connection: ServedConnection) -> None:
        connection.read()
        connection.send(data)
        connection.close()

    return behave


def resets_without_reading(connection: ServedConnection) -> None:
    """Break off as soon as something arrives."""
    connection.reset()


def reads_and_resets(connection: ServedConnection) -> None:
    """Take the whole request and break off."""
    connection.read()
    connection.reset()


def reads_and_says_nothing(connection: ServedConnection) -> None:
    """Take the whole request and let the client wait."""
    connection.read()
    connection.wait_until_left()


def answers_a_byte_at_a_time(connection: ServedConnection) -> None:
    """Take the request and answer so slowly that there is no end to it."""
    connection.read()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.send(b" ")
        connection.pause(0.01)


def begins_an_answer_a_byte_at_a_time(connection: ServedConnection) -> None:
    """Take the request and send the head of an answer so slowly that there is no end to it."""
    connection.read()
    connection.send(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1000):
        connection.send(b"x")
        connection.pause(0.01)


class LoopbackServer:
    """Serves on 127.0.0.1; the n-th request meets the n-th behaviour, the last one again and again.

    Attributes
    ----------
    received
        The requests that were read to their end.
    connections
        How many connections there were.
    """

    def __init__(self, *behaviours: Behaviour) -> None:
        self.received: list[ReceivedRequest] = []
        self.connections = 0
        self._behaviours = list(behaviours)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._open: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        for one in (self._listener, *self._clients):
            with suppress(OSError):  # closed already
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.wait_until_none_is_open()

    def wait_until_none_is_open(self) -> None:
        """Wait until the server has closed all its connections."""
        for thread in self._open:
            thread.join(_TIMEOUT)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            self.connections += 1
            self._clients.append(client)
            client.settimeout(_TIMEOUT)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.append(threading.current_thread())
        connection = ServedConnection(client, self.received)
        with client, suppress(OSError):  # raised when the client leaves
            while connection.is_open and client.recv(1, socket.MSG_PEEK):
                self._next_behaviour()(connection)

    def _next_behaviour(self) -> Behaviour:
        return self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]


def unreachable_url() -> str:
    """Return a URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
