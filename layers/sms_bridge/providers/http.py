"""HTTP to foreign services, on urllib3: connections that are kept, and proof of what has left.

A request is made once: no retry, no redirect. What may be repeated is decided elsewhere, by what
urllib3's errors and the body prove:

.. code-block:: text

    HTTPError                       no answer
    |-- NewConnectionError, ...     no connection: nothing left
    |-- TooLateError                ours: it was too late to write the body, so nothing left
    '-- ReadTimeoutError, ...       ``Payload.left`` tells whether the body left
"""

import json
import logging
import os
import ssl
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


class TooLateError(HTTPError):
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
            raise TooLateError
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
        that has to be in time needs its own. The rest of the answer has as many seconds again: a
        function that was frozen while it waited finds the answer long after its time. Without an
        answer, urllib3's ``HTTPError`` is raised, and ``payload.left`` tells whether the body was
        written.
        """
        headers = {"accept": "application/json", **headers}
        # Closed before its end, the connection is closed with it.
        with closing(self.open(path, headers, payload, seconds=seconds)) as response:
            if response.status < 200:
                # What follows would be taken for the answer to the next request.
                raise ProtocolError("an interim answer")
            content, ends_at = bytearray(), _now() + seconds
            while part := response.read1(_AT_ONCE):
                content += part
                if len(content) > _MAX_CONTENT or _now() > ends_at:
                    raise ReadTimeoutError(self._pool, path, "the answer is too long")
            return Answer(response.status, bytes(content), retry_after_of(response.headers))

    def open(
        self, path: str, headers: Headers, payload: Payload | None = None, *, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Ask for something large: the caller reads the answer's content, and closes it."""
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
class _Connection(HTTPConnection):
    """Counts as dropped when it was idle for too long: urllib3 opens it anew before its use."""

    _used_at = 0.0

    def connect(self) -> None:
        super().connect()
        self._used_at = _clock()

    @property
    def is_connected(self) -> bool:
        last, self._used_at = self._used_at, _clock()
        if self.sock is None or self._used_at - last > MAX_IDLE_SECONDS:
            return False
        # What comes unasked is TLS's own, or the end: a server sends tickets behind the handshake.
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except OSError as error:
            return isinstance(error, BlockingIOError | ssl.SSLWantReadError)
        return False


class _TlsConnection(_Connection, HTTPSConnection):
    pass


def _tls_context() -> ssl.SSLContext:
    """Return a TLS context that trusts the layer's certificates.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` come before them. ``AWS_CA_BUNDLE`` is boto3's: it need
    not hold more than Amazon's.
    """
    is_chosen = {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys()
    use_own = not is_chosen and _ROOTS.is_dir()
    return ssl.create_default_context(capath=str(_ROOTS) if use_own else None)


# One for the process: loading certificates costs more than a request.
_TLS = _tls_context()


def _pool(base_url: str, connect_timeout: float) -> urllib3.HTTPConnectionPool:
    """Return a pool of one host, behind the proxy that the environment names, if it does."""
    url = urlsplit(base_url)
    is_tls = url.scheme == "https"
    options: dict[str, Any] = {
        "maxsize": _MAX_CONNECTIONS,
        "retries": _ONCE,
        "timeout": urllib3.Timeout(connect=connect_timeout),
        "ssl_context": _TLS,
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
