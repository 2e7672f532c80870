"""HTTP to foreign services, on urllib3: connections that are kept, and proof of what has left.

A request is made once: no retry, no redirect. What may be repeated is decided elsewhere, by what
urllib3's errors and the body prove:

.. code-block:: text

    HTTPError                       no answer
    |-- NewConnectionError, ...     no connection: nothing left
    |-- InvalidHeader               the key fits in no header: nothing left
    |-- OutOfTimeError              ours: it was too late to write the body, so nothing left
    '-- ReadTimeoutError, ...       ``Payload.left`` tells whether the body left
"""

import functools
import http.client
import json
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader, ProtocolError, ReadTimeoutError
from urllib3.util import make_headers, parse_url

from sms_bridge import __version__

# A frozen function does not notice that its peer has closed the connection; a request written to
# it would end as ambiguous. Load balancers close idle connections after 60 seconds or more.
MAX_IDLE_SECONDS = 20.0
_clock = time.time  # Goes on while a function is frozen.

_MAX_CONTENT = 32 * 1024 * 1024
_AT_ONCE = 65_536
_MAX_INTERIM_ANSWERS = 10
# A function that was frozen while it waited may find a whole answer, long after its time is over.
_SECONDS_FOR_THE_REST = 0.5
_now = time.monotonic

# No more threads than this ask one host at once.
_MAX_CONNECTIONS = 10

_ONCE = urllib3.Retry(total=False)

# Made with the layer: a file for each certificate, of which only those that are needed are read.
_ROOTS = Path(__file__).parents[1] / "certificates" / "roots"

# Its lines name paths, and the path of MoEngage's URL is a secret.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

Headers = Mapping[str, str]

_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class OutOfTimeError(HTTPError):
    """The time was over before the body was written; nothing was sent."""


class Payload:
    """A JSON body that notes when it is taken to be written: connected, and the headers are out.

    While it was not taken, the receiver cannot have the request. ``may_leave`` is asked at the last
    moment: a function can be frozen for minutes while it connects, and what it would write then may
    have been given up.
    """

    def __init__(
        self, body: Mapping[str, object], may_leave: Callable[[], bool] = lambda: True
    ) -> None:
        self.content = _json(body).encode()
        self.left = False
        self._may_leave = may_leave

    def __iter__(self) -> Iterator[bytes]:
        if not self._may_leave():
            raise OutOfTimeError
        self.left = True
        yield self.content


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Answer:
    """An answer, read to its end."""

    status: int
    content: bytes = b""
    retry_after: float | None = None
    """In seconds, ``None`` where the header is missing or wrong."""


class Connections:
    """Connections to one host, kept open between invocations.

    ``base_url`` is ``https://host``; plain HTTP is for test doubles.
    """

    def __init__(self, base_url: str, *, connect_timeout: float) -> None:
        self.base_url = base_url
        self._connect_timeout = connect_timeout
        self._pool = _pool(base_url, connect_timeout)

    def connect(self) -> None:
        """Open a connection ahead of the first request; through a proxy, that is left to it.

        Raises urllib3's ``HTTPError``, or ``OSError``.
        """
        if self._pool.proxy:
            return
        connection = self._pool._get_conn()
        try:
            if connection.is_closed:
                connection.connect()
        except BaseException:
            connection.close()
            raise
        self._pool._put_conn(connection)

    def ask(
        self, path: str, headers: Headers, payload: Payload | None = None, *, seconds: float
    ) -> Answer:
        """Post a payload once, or get once where there is none.

        Names are resolved, and an answer's head is read, without a limit to the whole: a caller
        that has to be in time needs its own. Without an answer, urllib3's ``HTTPError`` is raised,
        and ``payload.left`` tells whether the body was written.
        """
        ends_at, is_late = _now() + seconds, False
        headers = {"accept": "application/json", **headers}
        # Closed before its end, the connection is closed with it.
        with closing(self.open(path, headers, payload, seconds=seconds)) as response:
            content = bytearray()
            while part := response.read1(_AT_ONCE):
                content += part
                if len(content) > _MAX_CONTENT:
                    raise ProtocolError("the answer is too large")
                if _now() > ends_at:
                    if is_late:
                        raise ReadTimeoutError(self._pool, path, "the answer took too long")
                    ends_at, is_late = _now() + _SECONDS_FOR_THE_REST, True
            return Answer(response.status, bytes(content), retry_after_of(response.headers))

    def open(
        self, path: str, headers: Headers, payload: Payload | None = None, *, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Ask for something large: the caller reads the answer's content, and closes it."""
        written = "".join(headers.values())
        if not (written.isascii() and written.isprintable()):
            raise InvalidHeader("a header cannot hold this")
        method, headers = "GET", {"user-agent": f"sms-bridge/{__version__}", **headers}
        if payload:
            method, headers["content-type"] = "POST", "application/json"
            # Without the length urllib3 would write the body in chunks.
            headers["content-length"] = str(len(payload.content))
        timeout = urllib3.Timeout(connect=min(self._connect_timeout, seconds), read=seconds)
        return self._pool.urlopen(
            method, path, payload, headers, redirect=False, timeout=timeout, preload_content=False
        )


def retry_after_of(headers: Headers) -> float | None:
    value = headers.get("retry-after")
    try:
        return None if value is None else _ONCE.parse_retry_after(value)
    except (InvalidHeader, OverflowError, ValueError):
        return None


# ------------------------------------------------------------------------------------- connections
class _Response(http.client.HTTPResponse):
    """Reads past interim answers.

    http.client does so for 100 only, and would take what follows another one for the answer to
    the next request.
    """

    def begin(self) -> None:
        super().begin()
        for _ in range(_MAX_INTERIM_ANSWERS):
            if self.status >= 200:
                return
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        raise http.client.HTTPException("too many interim answers")


class _Connection(HTTPConnection):
    """Counts as dropped when it was idle for too long: urllib3 opens it anew before its use."""

    response_class = _Response
    _used_at = 0.0

    def connect(self) -> None:
        super().connect()
        self._used_at = _clock()

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        response = super().getresponse()
        self._used_at = _clock()
        return response

    @property
    def is_connected(self) -> bool:
        if self.sock is None or _clock() - self._used_at > MAX_IDLE_SECONDS:
            return False
        if super().is_connected:
            return True
        # Something came. It may be TLS's own: a server sends tickets behind the handshake.
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False


class _TlsConnection(_Connection, HTTPSConnection):
    pass


def _pool(base_url: str, connect_timeout: float) -> urllib3.HTTPConnectionPool:
    """Return a pool of one host, behind the proxy that the environment names, if it does."""
    url = urlsplit(base_url)
    is_tls = url.scheme == "https"
    options: dict[str, Any] = {
        "maxsize": _MAX_CONNECTIONS,
        "retries": _ONCE,
        "timeout": urllib3.Timeout(connect=connect_timeout),
        "ssl_context": tls_context() if is_tls else None,
    }
    proxy = getproxies().get("https") if is_tls and not proxy_bypass(url.hostname or "") else None
    manager = urllib3.PoolManager(**options)
    if proxy:
        auth = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=unquote(auth)) if auth else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    pool = manager.connection_from_url(base_url)
    pool.ConnectionCls = _TlsConnection if is_tls else _Connection
    return pool


_loading = threading.Lock()


def tls_context() -> ssl.SSLContext:
    """Return the process's one TLS context: loading certificates costs more than a request.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` come before the layer's own certificates.
    ``AWS_CA_BUNDLE`` is boto3's: it need not hold more than Amazon's.
    """
    with _loading:
        return _load_certificates()


@functools.cache
def _load_certificates() -> ssl.SSLContext:
    is_chosen = {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys()
    use_own = not is_chosen and _ROOTS.is_dir()
    return ssl.create_default_context(capath=str(_ROOTS) if use_own else None)
