"""Connections to a foreign service, with all that happens to requests on their way."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from sms_bridge.web.connections import Payload
from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Reply:
    """A service's answer.

    Attributes
    ----------
    delay
        After how many seconds it comes.
    is_lost
        The connection breaks instead.
    """

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    is_lost: bool = False


@dataclass(slots=True)
class Mishap:
    """What goes wrong with one request.

    Attributes
    ----------
    is_refused, is_ignored
        The connection is refused; or nothing answers to it.
    connects_after
        It takes so many seconds: name resolution has no timeout.
    is_unread
        It breaks before the service read the request.
    taken_after
        The service looks at it only so many seconds later, whether anybody still waits or not.
    instead
        What is answered in place of the service, which does not see the request.
    """

    is_refused: bool = False
    is_ignored: bool = False
    connects_after: float = 0.0
    is_unread: bool = False
    taken_after: float = 0.0
    instead: Reply | None = None


Service = Callable[[str, dict[str, str], Any], Reply]
"""Answers a request: path, headers, and the body's content, ``None`` for a GET."""


class SimulatedConnections:
    """:class:`sms_bridge.web.connections.Connections` in virtual time.

    Parameters
    ----------
    service
        Who answers.
    mishap
        Tells what goes wrong with the next request.
    """

    def __init__(
        self,
        world: World,
        service: Service,
        mishap: Callable[[str], Mishap],
        random: Random,
        *,
        connect_timeout: float,
    ) -> None:
        self._world = world
        self._service = service
        self._mishap = mishap
        self._random = random
        self._connect_timeout = connect_timeout

    def post_json(
        self, path: str, payload: Payload, *, headers: dict[str, str], read_timeout: float
    ) -> urllib3.BaseHTTPResponse:
        """Post once, as :class:`~sms_bridge.web.connections.Connections` does."""
        return self._request(path, payload, headers, read_timeout)

    def get(
        self, path: str, *, headers: dict[str, str], read_timeout: float
    ) -> urllib3.BaseHTTPResponse:
        """Get once, as :class:`~sms_bridge.web.connections.Connections` does."""
        return self._request(path, None, headers, read_timeout)

    def _request(
        self, path: str, payload: Payload | None, headers: dict[str, str], read_timeout: float
    ) -> urllib3.BaseHTTPResponse:
        wait = self._world.wait
        mishap = self._mishap(path)
        pool: Any = None
        if mishap.is_ignored:
            wait(min(self._connect_timeout, read_timeout))
            raise ConnectTimeoutError(pool, "nobody there")
        wait(self._random.uniform(0.005, 0.03) + mishap.connects_after)
        if mishap.is_refused:
            raise NewConnectionError(pool, "refused")
        content = b"".join(payload) if payload else None
        sent_at = self._world.now
        if mishap.is_unread:
            wait(self._random.uniform(0.001, 0.05))
            raise ProtocolError("Connection aborted.")

        replies: list[Reply] = []

        def take() -> None:
            body = json.loads(content) if content is not None else None
            replies.append(mishap.instead or self._service(path, headers, body))

        # The service goes on whatever becomes of the function that asked.
        arrival = self._random.uniform(0.005, 0.03) + mishap.taken_after
        self._world.call_later(arrival, take)
        if arrival >= read_timeout:
            wait(read_timeout)
            raise ReadTimeoutError(pool, path, "no answer")
        wait(arrival + 0.001)
        if not replies:
            raise ReadTimeoutError(pool, path, "no answer")
        (reply,) = replies
        left = sent_at + read_timeout - self._world.now
        if reply.delay > left:
            wait(left)
            raise ReadTimeoutError(pool, path, "no answer")
        wait(reply.delay + self._random.uniform(0.001, 0.01))
        if reply.is_lost:
            raise ProtocolError("Connection broken: incomplete read")
        return urllib3.HTTPResponse(
            body=reply.body, status=reply.status, headers=reply.headers, preload_content=False
        )


class SimulatedDownloads:
    """``urllib3.PoolManager``, as far as exports are downloaded with it."""

    def __init__(self, connections: SimulatedConnections) -> None:
        self._connections = connections

    def request(self, method: str, link: str, **_: Any) -> urllib3.BaseHTTPResponse:
        """Get a file."""
        assert method == "GET"
        return self._connections.get(link, headers={}, read_timeout=60.0)
