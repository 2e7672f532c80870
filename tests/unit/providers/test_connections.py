"""How connections are kept, replaced and given up."""

import pytest
from urllib3.exceptions import HTTPError

from sms_bridge.providers.http import MAX_IDLE_SECONDS, Connections, OutOfTimeError, Payload
from tests.fakes.clock import TurnableClock
from tests.fakes.http_server import (
    LoopbackServer,
    answers,
    answers_and_closes,
    reads_and_says_nothing,
    resets_without_reading,
    unreachable_url,
)


def post(connections: Connections, payload: Payload | None = None) -> int:
    answer = connections.post_json(
        "/path?query=1",
        payload or Payload(b"{}"),
        headers={"x-own": "header"},
        read_timeout=5.0,
    )
    return answer.status


def test_a_connection_serves_one_request_after_the_other() -> None:
    with LoopbackServer(answers()) as server:
        connections = Connections(server.url, connect_timeout=2.0)
        statuses = [post(connections) for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert (server.connections, len(server.received)) == (1, 3)


def test_a_connection_that_the_host_closed_is_not_used_again() -> None:
    with LoopbackServer(answers_and_closes, answers()) as server:
        connections = Connections(server.url, connect_timeout=2.0)
        post(connections)
        server.wait_until_none_is_open()

        assert post(connections) == 200

    assert server.connections == 2


@pytest.mark.parametrize(
    ("idle", "connections_made"),
    [(0, 1), (MAX_IDLE_SECONDS, 1), (MAX_IDLE_SECONDS + 0.1, 2), (86_400, 2)],
)
def test_a_connection_that_was_idle_for_long_is_replaced(
    idle: float, connections_made: int
) -> None:
    clock = TurnableClock()
    with LoopbackServer(answers()) as server:
        connections = Connections(server.url, connect_timeout=2.0, clock=clock)
        post(connections)
        clock.sleep(idle)
        post(connections)

    assert server.connections == connections_made


def test_use_keeps_a_connection_from_being_idle() -> None:
    clock = TurnableClock()
    with LoopbackServer(answers()) as server:
        connections = Connections(server.url, connect_timeout=2.0, clock=clock)
        for _ in range(4):
            post(connections)
            clock.sleep(MAX_IDLE_SECONDS - 1)

    assert server.connections == 1


def test_the_headers_say_who_calls_and_what_comes() -> None:
    with LoopbackServer(answers()) as server:
        post(Connections(server.url, connect_timeout=2.0))

    (received,) = server.received
    assert received.line == "POST /path?query=1 HTTP/1.1"
    assert received.headers["user-agent"].startswith("sms-bridge/")
    assert received.headers["content-length"] == "2"
    assert received.headers["x-own"] == "header"


def test_a_body_that_was_written_says_so() -> None:
    payload = Payload(b"{}")
    with LoopbackServer(answers()) as server:
        post(Connections(server.url, connect_timeout=2.0), payload)

    assert payload.left


def test_a_body_that_could_not_leave_says_so() -> None:
    payload = Payload(b"{}")

    with pytest.raises(HTTPError):
        post(Connections(unreachable_url(), connect_timeout=2.0), payload)

    assert not payload.left


def test_a_failure_does_not_spoil_the_next_request() -> None:
    with LoopbackServer(reads_and_says_nothing, answers()) as server:
        connections = Connections(server.url, connect_timeout=2.0)
        with pytest.raises(HTTPError):
            connections.post_json("/", Payload(b"{}"), headers={}, read_timeout=0.1)

        assert post(connections) == 200


def test_a_host_without_tls_is_never_spoken_to_where_tls_is_asked_for() -> None:
    payload = Payload(b"{}")
    with LoopbackServer(resets_without_reading) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(HTTPError):
            post(Connections(url, connect_timeout=2.0), payload)

    assert (payload.left, server.received) == (False, [])


def test_a_body_that_may_not_leave_any_more_is_not_written() -> None:
    """The function was frozen while it connected; its caller has long given up."""
    payload = Payload(b'{"text": "distinctive"}', may_leave=lambda: False)
    with LoopbackServer(answers()) as server:
        with pytest.raises(OutOfTimeError):
            post(Connections(server.url, connect_timeout=2.0), payload)
        server.wait_until_none_is_open()

    assert (payload.left, server.received) == (False, [])


def test_whether_it_may_leave_is_asked_once_the_connection_stands() -> None:
    asked: list[int] = []

    def may_leave() -> bool:
        asked.append(server.connections)
        return True

    with LoopbackServer(answers()) as server:
        post(Connections(server.url, connect_timeout=2.0), Payload(b"{}", may_leave))

    assert len(asked) == 1
    assert len(server.received) == 1
