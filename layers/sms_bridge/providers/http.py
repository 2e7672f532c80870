"""The certificates that the bridge trusts."""

import functools
import os
import select
import ssl
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader, ProtocolError, ReadTimeoutError

from sms_bridge import __version__
from sms_bridge.domain.clock import Clock


@functools.cache
def tls_context(certificates: str = "") -> ssl.SSLContext:
    """Return the process's one TLS context: loading the certificates costs more than a request.

    Parameters
    ----------
    certificates
        A file of them; empty for the system's (or ``SSL_CERT_FILE``).
    """
    return ssl.create_default_context(cafile=certificates or None)


def aws_tls_context() -> ssl.SSLContext:
    """Return the context for AWS, which honours ``AWS_CA_BUNDLE`` as boto3 does."""
    return tls_context(os.environ.get("AWS_CA_BUNDLE", ""))


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


# urllib3's exceptions name the pool that they come from; here is none.
_NO_POOL: Any = None


class OutOfTimeError(HTTPError):
    """The time was over before the body was written; nothing was sent."""


class Payload:
    """A request body that remembers whether it was taken to be written.

    It is taken after the connection stands and the headers are out. While it was not taken, the
    receiver cannot have the request.

    Parameters
    ----------
    may_leave
        Asked in the last moment. A function can be frozen for minutes while it connects; what it
        would write then may have been given up meanwhile.
    """

    def __init__(self, content: bytes, may_leave: Callable[[], bool] = lambda: True) -> None:
        self.content = content
        self.left = False
        self._may_leave = may_leave

    def __iter__(self) -> Iterator[bytes]:
        if not self._may_leave():
            raise OutOfTimeError
        self.left = True
        yield self.content


class Connections:
    """Connections to one host, kept open between invocations.

    Parameters
    ----------
    base_url
        ``https://host``; plain HTTP is for test doubles.
    connect_timeout
        Seconds.
    clock
        Seconds; tells how long a connection was idle, frozen time included.
    """

    def __init__(
        self, base_url: str, *, connect_timeout: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = urlsplit(base_url)
        self._connect_timeout = connect_timeout
        self._open = OpenConnections(clock)

    def connect(self) -> None:
        """Open a connection ahead of the first request.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong.
        """
        self._open.put(self._new(self._connect_timeout))

    def post_json(
        self, path: str, payload: Payload, *, headers: dict[str, str], read_timeout: float
    ) -> Answer:
        """Post once: no retry, no redirect.

        Parameters
        ----------
        read_timeout
            Seconds between two pieces of the answer.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong; ``payload.left`` tells whether the body was written.
        ValueError
            When a header cannot hold its value.
        """
        described = {
            "content-type": "application/json",
            "content-length": str(len(payload.content)),
            **headers,
        }
        return self._ask("POST", path, described, payload, read_timeout)

    def get(self, path: str, *, headers: dict[str, str], read_timeout: float) -> Answer:
        """Get once: no retry, no redirect.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong.
        """
        return self._ask("GET", path, headers, b"", read_timeout)

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | Payload,
        read_timeout: float,
    ) -> Answer:
        connection = self._open.take() or self._new(min(self._connect_timeout, read_timeout))
        try:
            answer = connection.ask(
                method,
                path,
                {"accept": "application/json", **headers},
                body,
                read_timeout=read_timeout,
            )
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(_NO_POOL, path, "no answer in time") from error
        except (OSError, BadAnswerError) as error:
            connection.close()
            raise ProtocolError("the connection broke") from error
        except BaseException:
            connection.close()
            raise
        if answer.is_last:
            connection.close()
        else:
            self._open.put(connection)
        return answer

    def _new(self, connect_timeout: float) -> Connection:
        certificates = tls_context() if self._url.scheme == "https" else None
        try:
            return Connection(self._url, certificates=certificates, connect_timeout=connect_timeout)
        except OSError as error:
            raise ProtocolError("no connection") from error


def retry_after_of(answer: Answer) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, ``None`` where it is missing or wrong."""
    value = answer.headers.get("retry-after")
    if value is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(value)
    except (InvalidHeader, OverflowError, ValueError):
        return None
