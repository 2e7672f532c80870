"""How connections are kept, replaced and given up, and how answers are read."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from bench.authority import make_certificates
from sms_bridge.providers import http
from sms_bridge.providers.http import (
    MAX_IDLE_SECONDS,
    Answer,
    Connections,
    Payload,
    TooLateError,
)
from tests.fakes.clock import TurnableClock
from tests.fakes.http_server import (
    LoopbackServer,
    ServedConnection,
    answers,
    answers_a_byte_at_a_time,
    answers_with_bytes,
    reads_and_says_nothing,
    resets_without_reading,
    unreachable_url,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


def connections_to(url: str) -> Connections:
    return Connections(url, connect_timeout=2.0)


def post(connections: Connections, payload: Payload | None = None, seconds: float = 5.0) -> Answer:
    return connections.ask(
        "/path?query=1", {"x-own": "header"}, payload or Payload({}), seconds=seconds
    )


def get(connections: Connections) -> bytes:
    return connections.ask("/", {}, seconds=5.0).content


def answer_of(data: bytes) -> bytes:
    """Return how the content of an answer of these bytes is read."""
    with LoopbackServer(answers_with_bytes(data)) as server:
        return get(connections_to(server.url))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TurnableClock:
    """Tells how long a connection was idle."""
    turnable = TurnableClock()
    monkeypatch.setattr(http, "_clock", turnable)
    return turnable


class TestKeeping:
    def test_a_connection_that_was_opened_ahead_serves_one_request_after_the_other(self) -> None:
        with LoopbackServer(answers()) as server:
            connections = connections_to(server.url)
            connections.connect()
            connections.connect()
            statuses = [post(connections).status for _ in range(3)]

        assert statuses == [200, 200, 200]
        assert (server.connections, len(server.received)) == (1, 3)

    def test_a_connection_that_cannot_be_opened_ahead_is_no_matter_later(self) -> None:
        connections = connections_to(unreachable_url())
        for _ in range(2):
            with pytest.raises(HTTPError):
                connections.connect()
            with pytest.raises(HTTPError):
                post(connections)

    @pytest.mark.parametrize("ends", [ServedConnection.close, ServedConnection.reset])
    def test_a_connection_that_the_host_ended_is_not_used_again(
        self, ends: Callable[[ServedConnection], None]
    ) -> None:
        def answers_and_ends(connection: ServedConnection) -> None:
            answers()(connection)
            ends(connection)

        with LoopbackServer(answers_and_ends, answers()) as server:
            connections = connections_to(server.url)
            post(connections)
            server.wait_until_none_is_open()

            assert post(connections).status == 200

        assert server.connections == 2

    @pytest.mark.parametrize(
        ("idle", "connections_made"),
        [(0, 1), (MAX_IDLE_SECONDS, 1), (MAX_IDLE_SECONDS + 0.1, 2), (86_400, 2)],
    )
    def test_a_connection_that_was_idle_for_long_is_replaced(
        self, idle: float, connections_made: int, clock: TurnableClock
    ) -> None:
        with LoopbackServer(answers()) as server:
            connections = connections_to(server.url)
            post(connections)
            clock.sleep(idle)
            post(connections)

        assert server.connections == connections_made

    def test_use_keeps_a_connection_from_being_idle(self, clock: TurnableClock) -> None:
        with LoopbackServer(answers()) as server:
            connections = connections_to(server.url)
            for _ in range(4):
                post(connections)
                clock.sleep(MAX_IDLE_SECONDS - 1)

        assert server.connections == 1

    def test_a_failure_does_not_spoil_the_next_request(self) -> None:
        with LoopbackServer(reads_and_says_nothing, answers()) as server:
            connections = connections_to(server.url)
            with pytest.raises(ReadTimeoutError):
                post(connections, seconds=0.1)

            assert post(connections).status == 200


class TestRequests:
    def test_the_headers_say_who_calls_and_what_comes(self) -> None:
        with LoopbackServer(answers()) as server:
            post(connections_to(server.url))

        (received,) = server.received
        assert received.line == "POST /path?query=1 HTTP/1.1"
        assert received.body == b"{}"
        assert received.headers["user-agent"].startswith("sms-bridge/")
        assert received.headers["content-length"] == "2"
        assert received.headers["x-own"] == "header"
        assert "transfer-encoding" not in received.headers

    def test_a_path_cannot_smuggle_in_a_header(self) -> None:
        with LoopbackServer(answers()) as server:
            connections_to(server.url).ask("/a\r\nx: y", {}, seconds=5.0)

        assert "x" not in server.received[0].headers


class TestProof:
    def test_a_body_says_whether_it_was_written(self) -> None:
        written, unwritten = Payload({}), Payload({})
        with LoopbackServer(answers()) as server:
            post(connections_to(server.url), written)
        with pytest.raises(HTTPError):
            post(connections_to(unreachable_url()), unwritten)

        assert (written.left, unwritten.left) == (True, False)

    def test_a_name_that_is_not_resolved_proves_that_nothing_left(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def resolves_nothing(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")

        monkeypatch.setattr(socket, "getaddrinfo", resolves_nothing)
        payload = Payload({})

        with pytest.raises(HTTPError):
            post(connections_to("http://nowhere.invalid"), payload)

        assert not payload.left

    def test_a_host_without_tls_is_never_spoken_to_where_tls_is_asked_for(self) -> None:
        payload = Payload({})
        with LoopbackServer(resets_without_reading) as server, pytest.raises(HTTPError):
            post(connections_to(server.url.replace("http:", "https:")), payload)

        assert (payload.left, server.received) == (False, [])

    def test_a_body_that_may_not_leave_any_more_is_not_written(self) -> None:
        """The function was frozen while it connected; its caller has long given up."""
        payload = Payload({"text": "distinctive"}, may_leave=lambda: False)
        with LoopbackServer(answers()) as server:
            with pytest.raises(TooLateError):
                post(connections_to(server.url), payload)
            server.wait_until_none_is_open()

        assert (payload.left, server.received) == (False, [])

    def test_whether_it_may_leave_is_asked_once_and_with_a_connection_only(self) -> None:
        answer = iter([True])
        with pytest.raises(HTTPError):
            post(connections_to(unreachable_url()), Payload({}, lambda: next(answer)))
        with LoopbackServer(answers()) as server:
            post(connections_to(server.url), Payload({}, lambda: next(answer)))

        assert (len(server.received), list(answer)) == (1, [])


class TestAnswers:
    @pytest.mark.parametrize(
        ("data", "content"),
        [
            (HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc"),
            (HEAD + b"content-length:3\r\n\r\nabcdef", b"abc"),
            (HEAD + b"Content-Length: 0\r\n\r\n", b""),
            (HEAD + b"Connection: close\r\n\r\nuntil the end", b"until the end"),
            (HEAD + b"Connection: close, TE\r\n\r\nuntil the end", b"until the end"),
            (HEAD + b"\r\nuntil the end", b"until the end"),
            (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
            (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
            (CHUNKED + b"1\r\na\r\n0\r\nx-more: 1\r\n\r\n", b"a"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na", b"a"),
        ],
        ids=repr,
    )
    def test_a_body_ends_where_the_answer_says(self, data: bytes, content: bytes) -> None:
        assert answer_of(data) == content

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"nonsense\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            HEAD + b"Content-Length: 3\r\n\r\nab",
            HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            HEAD + b"Content-Length: 99999999999\r\n\r\nab",
            HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            CHUNKED + b"xyz\r\n",
            CHUNKED + b"5\r\nab",
            HEAD + b"x: y\r\n" * 20_000 + b"\r\n",
            HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
            HINTS,
            HINTS + HEAD + b"Content-Length: 1\r\n\r\na",
        ],
        ids=lambda data: repr(data[:60]),
    )
    def test_what_is_no_answer_or_not_whole_is_none(self, data: bytes) -> None:
        with pytest.raises(HTTPError):
            answer_of(data)

    @given(st.binary(max_size=300))
    def test_no_bytes_end_in_anything_else_than_an_answer_or_its_lack(self, data: bytes) -> None:
        try:
            answer_of(HEAD + data)
        except HTTPError:
            return

    @pytest.mark.parametrize(
        "last",
        [
            HEAD + b"Connection: close, TE\r\nContent-Length: 1\r\n\r\na",
            HEAD + b"\r\na",
            HEAD + b"Content-Length: 1\r\n\r\na",
            # What came behind an answer is not taken for the next one.
            HEAD + b"Content-Length: 1\r\n\r\na" + HEAD + b"Content-Length: 1\r\n\r\nb",
        ],
    )
    def test_after_an_answer_that_ends_the_connection_the_next_request_has_its_own(
        self, last: bytes
    ) -> None:
        with LoopbackServer(answers_with_bytes(last), answers(body=b"second")) as server:
            connections = connections_to(server.url)
            assert get(connections) == b"a"
            server.wait_until_none_is_open()

            assert get(connections) == b"second"

    def test_what_follows_an_interim_answer_is_not_taken_for_the_next_one(self) -> None:
        with LoopbackServer(answers_with_bytes(HINTS), answers(body=b"second")) as server:
            connections = connections_to(server.url)
            with pytest.raises(HTTPError):
                get(connections)

            assert get(connections) == b"second"

        assert server.connections == 2

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [(" 7 ", 7.0), ("soon", None), ("-1", None), ("1.5", None), ("", None), ("9" * 5000, None)],
        ids=lambda value: str(value)[:12],
    )
    def test_retry_after_is_read_or_passed_over(self, value: str, seconds: float | None) -> None:
        with LoopbackServer(answers(429, Retry_After=value)) as server:
            assert post(connections_to(server.url)).retry_after == seconds

    @pytest.mark.parametrize("status", [302, 307, 429, 503])
    def test_a_request_is_made_once_whatever_the_answer(self, status: int) -> None:
        with LoopbackServer(answers(status, Location="/elsewhere", Retry_After="0")) as server:
            assert post(connections_to(server.url)).status == status

        assert len(server.received) == 1

    def test_an_answer_that_is_too_large_is_not_read_to_its_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "_MAX_CONTENT", 100)
        with LoopbackServer(answers(body=b" " * 101), answers(body=b" " * 100)) as server:
            connections = connections_to(server.url)
            with pytest.raises(HTTPError, match="too long"):
                get(connections)

            assert len(get(connections)) == 100

    def test_an_answer_that_drips_is_given_up(self) -> None:
        with LoopbackServer(answers_a_byte_at_a_time) as server, pytest.raises(ReadTimeoutError):
            post(connections_to(server.url), seconds=0.2)

    def test_an_answer_counts_however_long_the_function_was_frozen_while_it_waited(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = TurnableClock()
        monkeypatch.setattr(http, "_now", clock)

        def freezes(connection: ServedConnection) -> None:
            clock.sleep(86_400)
            answers(body=b"whole")(connection)

        with LoopbackServer(freezes) as server:
            assert get(connections_to(server.url)) == b"whole"

    def test_urllib3_logs_nothing_since_a_path_may_be_secret(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        odd = answers_with_bytes(HEAD + b"no header\r\n: x\r\n\r\n{}")
        with LoopbackServer(odd, resets_without_reading) as server:
            connections = connections_to(server.url)
            for _ in range(2):
                with suppress(HTTPError):
                    post(connections)

        assert caplog.records == []


class TestProxies:
    def test_https_goes_through_the_proxy_of_the_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payload = Payload({})
        with LoopbackServer(answers(403)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//name:pass%2Fword@"))
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            connections = connections_to("https://sms.example.com")
            connections.connect()
            with pytest.raises(ProxyError):
                post(connections, payload)

        (received,) = proxy.received
        assert received.line.startswith("CONNECT sms.example.com:443 ")
        assert received.headers["proxy-authorization"] == "Basic bmFtZTpwYXNzL3dvcmQ="
        assert not payload.left

    def test_plain_http_and_hosts_without_a_proxy_are_called_directly(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, unreachable_url())
        monkeypatch.setenv("NO_PROXY", "sms.example.com")
        with LoopbackServer(answers()) as server:
            assert post(connections_to(server.url)).status == 200

        assert connections_to("https://sms.example.com")._pool.proxy is None
        assert connections_to("https://other.example.com")._pool.proxy is not None


class TestTls:
    @contextmanager
    def a_server(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        serve: Callable[[ssl.SSLSocket], None],
        trusted: Path | None = None,
    ) -> Iterator[Connections]:
        """Serve one connection; the authority of its certificate is trusted, or another one."""
        authority, certificate, key = make_certificates(folder)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted or authority))
        monkeypatch.setattr(http, "_TLS", http._tls_context())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def accept() -> None:
            with suppress(OSError), context.wrap_socket(listener.accept()[0], True) as client:
                client.settimeout(5.0)
                serve(client)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = threading.Thread(target=accept, daemon=True)
            serving.start()
            yield connections_to(f"https://127.0.0.1:{listener.getsockname()[1]}")
            serving.join(5.0)

    def test_a_connection_that_was_opened_ahead_is_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Behind its handshake a server sends tickets: something to read, and yet no end."""
        is_open = threading.Event()

        def serve(client: ssl.SSLSocket) -> None:
            is_open.set()
            for content in (b"{}", b"[]"):
                while not client.recv(1000).endswith(b"\r\n\r\n"):
                    pass
                client.sendall(HEAD + b"Content-Length: 2\r\n\r\n" + content)

        with self.a_server(tmp_path, monkeypatch, serve) as connections:
            connections.connect()
            assert is_open.wait(5.0)
            assert get(connections) == b"{}"
            assert get(connections) == b"[]"

    def test_a_connection_that_was_closed_is_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        is_closed = threading.Event()

        def serve(client: ssl.SSLSocket) -> None:
            client.close()
            is_closed.set()

        payload = Payload({})
        with self.a_server(tmp_path, monkeypatch, serve) as connections:
            connections.connect()
            assert is_closed.wait(5.0)
        # Nobody listens any more: had it been used, the body would have left.
        with pytest.raises(NewConnectionError):
            post(connections, payload)

        assert not payload.left

    def test_a_certificate_of_an_unknown_authority_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        other, _, _ = make_certificates(tmp_path / "other")
        payload = Payload({})
        with (
            self.a_server(tmp_path, monkeypatch, lambda _: None, trusted=other) as connections,
            pytest.raises(SSLError),
        ):
            post(connections, payload)

        assert not payload.left

    @pytest.mark.parametrize(
        ("variable", "uses_the_layers"),
        [("OTHER", True), ("SSL_CERT_FILE", False), ("SSL_CERT_DIR", False)],
    )
    def test_the_layers_certificates_are_trusted_unless_the_environment_names_others(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
        uses_the_layers: bool,
    ) -> None:
        monkeypatch.setattr(http, "_ROOTS", tmp_path)
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, str(tmp_path))

        create, loaded = ssl.create_default_context, []

        def noted(*, capath: str | None) -> ssl.SSLContext:
            loaded.append(capath)
            return create(capath=capath)

        monkeypatch.setattr(ssl, "create_default_context", noted)
        context = http._tls_context()

        assert loaded == [str(tmp_path) if uses_the_layers else None]
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
