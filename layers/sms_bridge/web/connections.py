"""Connections to a foreign service: kept open, and proof of what left."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, ProtocolError, ReadTimeoutError

from sms_bridge.http_connection import Answer, BadAnswerError, Connection, OpenConnections
from sms_bridge.tls import tls_context

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
