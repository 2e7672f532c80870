"""One connection: urllib3 opens it, with its timeouts and its checks of certificates.

What goes through it is written and read here. ``http.client``, and so urllib3, reads an answer's
headers as if they were those of an e-mail, which costs more than all the rest of a request; and
here it is plain to see from when on a body may have left.
"""

import functools
import os
import select
import ssl
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult

from urllib3.connection import HTTPConnection, HTTPSConnection

from sms_bridge import __version__
from sms_bridge.domain.clock import Clock

# A frozen function does not notice that its peer has closed the connection; a request written to
# it would end as "nobody knows". Load balancers close idle connections after 60 seconds or more.
MAX_IDLE_SECONDS = 20.0

_MAX_HEAD = 65_536
_MAX_INTERIM_ANSWERS = 10
_MAX_TRAILERS = 100
_MAX_BODY = 32 * 1024 * 1024
_AT_ONCE = 65_536
_WITHOUT_A_BODY = (204, 304)


class BadAnswerError(Exception):
    """The connection ended within an answer, or what came is no HTTP."""


class Answer(NamedTuple):
    """An answer.

    Attributes
    ----------
    headers
        Names in lower case.
    is_last
        Whether the connection cannot be used again.
    """

    status: int
    headers: dict[str, str]
    data: bytes
    is_last: bool


class Connection:
    """An open connection.

    Parameters
    ----------
    url
        ``https://host``; plain HTTP is for test doubles.
    certificates
        For HTTPS.
    connect_timeout
        Seconds.

    Raises
    ------
    urllib3.exceptions.HTTPError, OSError
        When it cannot be opened.
    """

    def __init__(
        self, url: SplitResult, *, certificates: ssl.SSLContext | None, connect_timeout: float
    ) -> None:
        host, port = url.hostname or "", url.port
        self._connection = (
            HTTPSConnection(host, port, timeout=connect_timeout, ssl_context=certificates)
            if certificates
            else HTTPConnection(host, port, timeout=connect_timeout)
        )
        try:
            self._connection.connect()
        except BaseException:
            self._connection.close()
            raise
        self._socket = self._connection.sock
        self._incoming = _Incoming(self._socket.recv)
        self._arrivals = select.poll()
        self._arrivals.register(self._socket, select.POLLIN)
        self._host = url.netloc

    @property
    def is_usable(self) -> bool:
        """Whether the other side has not closed it."""
        if not self._arrivals.poll(0):
            return True
        # What came may be TLS's own: a server sends its tickets behind the handshake.
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] = b"",
        *,
        read_timeout: float,
    ) -> Answer:
        """Send one request and read its answer.

        Parameters
        ----------
        headers
            With ``content-length``, where there is a body.
        body
            Written with the head in one go; or in parts, which are asked for once the head is
            written.
        read_timeout
            Seconds between two pieces of the answer.

        Raises
        ------
        OSError, BadAnswerError
            When there is no answer. ``TimeoutError`` is an ``OSError``.
        ValueError
            When a header or the path cannot be written; nothing was.
        """
        head = _head(method, path, {"host": self._host, **headers})
        self._socket.settimeout(read_timeout)
        if isinstance(body, bytes):
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            for part in body:
                self._socket.sendall(part)
        version, status, answered = self._head_of_an_answer()
        wants_to_close = answered.get("connection", "").lower() == "close"
        until_the_end = wants_to_close or version == "HTTP/1.0"
        data = self._body(status, answered, until_the_end=until_the_end)
        # What came behind the answer would be taken for the next one.
        is_last = until_the_end or self._incoming.holds_more
        return Answer(status, answered, data, is_last)

    def _head_of_an_answer(self) -> tuple[str, int, dict[str, str]]:
        """Return HTTP version, status and headers of the answer behind the interim ones."""
        for _ in range(_MAX_INTERIM_ANSWERS):
            status_line, *lines = self._incoming.until(b"\r\n\r\n").split("\r\n")
            version, _, rest = status_line.partition(" ")
            status = rest[:3]
            if not version.startswith("HTTP/1.") or not status.isdecimal():
                raise BadAnswerError
            if int(status) >= 200:
                fields = (line.partition(":") for line in lines)
                return version, int(status), {n.lower(): v.strip() for n, _, v in fields}
        raise BadAnswerError

    def _body(self, status: int, headers: Mapping[str, str], *, until_the_end: bool) -> bytes:
        if status in _WITHOUT_A_BODY:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if until_the_end and "content-length" not in headers:
            return self._incoming.until_the_end()
        return self._incoming.exactly(_number(headers.get("content-length", ""), 10))

    def _chunks(self) -> bytes:
        data = b""
        while size := _number(self._incoming.until(b"\r\n").partition(";")[0], 16):
            if len(data) + size > _MAX_BODY:
                raise BadAnswerError
            data += self._incoming.exactly(size)
            self._incoming.until(b"\r\n")
        for _ in range(_MAX_TRAILERS):
            if not self._incoming.until(b"\r\n"):
                return data
        raise BadAnswerError


class _Incoming:
    """What comes in, taken piece by piece.

    Parameters
    ----------
    receive
        The socket's ``recv``.
    """

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._held = b""

    @property
    def holds_more(self) -> bool:
        """Whether more has come than was taken."""
        return bool(self._held)

    def until(self, mark: bytes) -> str:
        """Take a head or a line, which ends with the mark, and drop the mark."""
        while (end := self._held.find(mark)) < 0:
            if len(self._held) > _MAX_HEAD:
                raise BadAnswerError
            self._held += self._more()
        taken, self._held = self._held[:end], self._held[end + len(mark) :]
        return taken.decode("latin-1")

    def exactly(self, size: int) -> bytes:
        """Take so many bytes."""
        if not 0 <= size <= _MAX_BODY:
            raise BadAnswerError
        pieces, missing = [self._held], size - len(self._held)
        while missing > 0:
            pieces.append(self._more())
            missing -= len(pieces[-1])
        held = b"".join(pieces)
        taken, self._held = held[:size], held[size:]
        return taken

    def until_the_end(self) -> bytes:
        """Take all, to the end of the connection."""
        pieces, size = [self._held], len(self._held)
        while piece := self._receive(_AT_ONCE):
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_BODY:
                raise BadAnswerError
        self._held = b""
        return b"".join(pieces)

    def _more(self) -> bytes:
        piece = self._receive(_AT_ONCE)
        if not piece:
            raise BadAnswerError
        return piece


class OpenConnections:
    """Connections to one host that stand and are not in use.

    Parameters
    ----------
    clock
        Seconds; tells how long a connection was idle, frozen time included.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._idle: list[tuple[Connection, float]] = []
        weakref.finalize(self, _close_all, self._idle)

    def put(self, connection: Connection) -> None:
        """Keep one that was used."""
        self._idle.append((connection, self._clock()))

    def take(self) -> Connection | None:
        """Return one that is good, and that nobody else has then."""
        while self._idle:
            connection, used_at = self._idle.pop()
            if self._clock() - used_at <= MAX_IDLE_SECONDS and connection.is_usable:
                return connection
            connection.close()
        return None


def _close_all(idle: list[tuple[Connection, float]]) -> None:
    while idle:
        idle.pop()[0].close()


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    if not "".join((path, *headers.values())).isprintable():
        raise ValueError("a header cannot hold this")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"{method} {path} HTTP/1.1\r\n{lines}user-agent: sms-bridge/{__version__}\r\n\r\n"
    return head.encode("latin-1")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise BadAnswerError from None


@functools.cache
def aws_tls_context() -> ssl.SSLContext:
    """Return the context for AWS, which honours ``AWS_CA_BUNDLE`` as boto3 does."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
