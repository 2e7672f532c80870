"""Connections to a foreign service: one pool, one TLS context, and proof of what left."""

import time
from collections.abc import Callable, Iterator

import urllib3
from urllib3.connectionpool import HTTPConnectionPool, connection_from_url
from urllib3.exceptions import HTTPError, InvalidHeader

from sms_bridge import __version__
from sms_bridge.tls import tls_context

# A frozen function does not notice that its peer has closed the connection; a request written to
# it would end as "nobody knows". Load balancers close idle connections after 60 seconds or more.
MAX_IDLE_SECONDS = 20.0


class OutOfTimeError(HTTPError):
    """The time was over before the body was written; nothing was sent."""


class Payload:
    """A request body that remembers whether it was taken to be written.

    urllib3 takes it after the connection stands and the headers are out. While it was not taken,
    the receiver cannot have the request.

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
        self._base_url = base_url
        self._connect_timeout = connect_timeout
        self._clock = clock
        self._pool = self._new_pool()
        self._last_used = clock()

    def connect(self) -> None:
        """Open a connection ahead of the first request.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong.
        """
        connection = self._pool._get_conn()
        connection.connect()
        self._pool._put_conn(connection)
        self._last_used = self._clock()

    def post_json(
        self, path: str, payload: Payload, *, headers: dict[str, str], read_timeout: float
    ) -> urllib3.BaseHTTPResponse:
        """Post once: no retry, no redirect.

        Parameters
        ----------
        read_timeout
            Seconds between two bytes of the answer.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong; ``payload.left`` tells whether the body was written.
        """
        return self._request(
            "POST",
            path,
            {
                "content-type": "application/json",
                "content-length": str(len(payload.content)),
                **headers,
            },
            payload,
            read_timeout,
        )

    def get(
        self, path: str, *, headers: dict[str, str], read_timeout: float
    ) -> urllib3.BaseHTTPResponse:
        """Get once: no retry, no redirect.

        Raises
        ------
        urllib3.exceptions.HTTPError
            Whatever went wrong.
        """
        return self._request("GET", path, headers, None, read_timeout)

    def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: Payload | None,
        read_timeout: float,
    ) -> urllib3.BaseHTTPResponse:
        if self._clock() - self._last_used > MAX_IDLE_SECONDS:
            self._pool.close()
            self._pool = self._new_pool()
        self._last_used = self._clock()
        return self._pool.urlopen(
            method,
            path,
            body=body,
            headers={
                "accept": "application/json",
                "user-agent": f"sms-bridge/{__version__}",
                **headers,
            },
            timeout=urllib3.Timeout(
                connect=min(self._connect_timeout, read_timeout), read=read_timeout
            ),
            retries=False,  # nor redirects: one call is one request
        )

    def _new_pool(self) -> HTTPConnectionPool:
        options = {"ssl_context": tls_context()} if self._base_url.startswith("https:") else {}
        return connection_from_url(
            self._base_url, maxsize=2, timeout=self._connect_timeout, **options
        )


def retry_after_of(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, ``None`` where it is missing or wrong."""
    value = answer.headers.get("retry-after")
    if value is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(value)
    except (InvalidHeader, OverflowError, ValueError):
        return None
