"""One connection: urllib3 opens it, with its timeouts and its checks of certificates.

What goes through it is written and read here. ``http.client``, and so urllib3, reads an answer's
headers as if they were those of an e-mail, which costs more than all the rest of a request; and
here it is plain to see from when on a body may have left.
"""

import ssl
import weakref
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult

from urllib3.connection import HTTPConnection, HTTPSConnection

from sms_bridge import __version__
from sms_bridge.clock import Clock

# A frozen function does not notice that its peer has closed the connection; a request written to
# it would end as "nobody knows". Load balancers close idle connections after 60 seconds or more.
MAX_IDLE_SECONDS = 20.0

_MAX_LINE = 65_536
_MAX_HEADERS = 100
_MAX_BODY = 32 * 1024 * 1024
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
        self._reader = self._socket.makefile("rb")
        self._host = url.netloc

    @property
    def is_usable(self) -> bool:
        """Whether the other side has not closed it."""
        return self._connection.is_connected

    def close(self) -> None:
        """Close it."""
        self._reader.close()
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] = (),
        *,
        read_timeout: float,
    ) -> Answer:
        """Send one request and read its answer.

        Parameters
        ----------
        headers
            With ``content-length``, where there is a body.
        body
            Asked for once the head is written.
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
        self._socket.sendall(head)
        for part in body:
            self._socket.sendall(part)
        while True:
            version, _, rest = self._line().partition(" ")
            status = rest[:3]
            if not version.startswith("HTTP/1.") or not status.isdecimal():
                raise BadAnswerError
            answered = self._headers()
            if int(status) >= 200:
                break
        wants_to_close = answered.get("connection", "").lower() == "close"
        until_the_end = wants_to_close or version == "HTTP/1.0"
        data = self._body(int(status), answered, until_the_end=until_the_end)
        return Answer(int(status), answered, data, is_last=until_the_end)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(_MAX_HEADERS):
            line = self._line()
            if not line:
                return headers
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        raise BadAnswerError

    def _body(self, status: int, headers: Mapping[str, str], *, until_the_end: bool) -> bytes:
        if status in _WITHOUT_A_BODY:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if until_the_end and "content-length" not in headers:
            return self._reader.read(_MAX_BODY)
        return self._exactly(_number(headers.get("content-length", ""), 10))

    def _chunks(self) -> bytes:
        data = b""
        while size := _number(self._line().partition(";")[0], 16):
            if len(data) + size > _MAX_BODY:
                raise BadAnswerError
            data += self._exactly(size)
            self._line()
        self._headers()
        return data

    def _exactly(self, size: int) -> bytes:
        if size > _MAX_BODY:
            raise BadAnswerError
        data = self._reader.read(size)
        if len(data) < size:
            raise BadAnswerError
        return data

    def _line(self) -> str:
        line = self._reader.readline(_MAX_LINE)
        if not line.endswith(b"\n"):
            raise BadAnswerError
        return line.rstrip().decode("latin-1")


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
    for text in (path, *headers.values()):
        if not text.isprintable():
            raise ValueError("a header cannot hold this")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\n{lines}user-agent: sms-bridge/{__version__}\r\n\r\n"
    return head.encode("latin-1")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise BadAnswerError from None
