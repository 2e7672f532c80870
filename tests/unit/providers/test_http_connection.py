"""What goes through a connection, byte for byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.authority import make_certificates
from sms_bridge.providers.http import Answer, BadAnswerError, Connection
from tests.fakes.http_server import LoopbackServer, answers, answers_with_bytes

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@contextmanager
def a_connection(server: LoopbackServer) -> Iterator[Connection]:
    connection = Connection(urlsplit(server.url), certificates=None, connect_timeout=2.0)
    try:
        yield connection
    finally:
        connection.close()


def ask(data: bytes) -> Answer:
    """Return how an answer of these bytes is read."""
    with LoopbackServer(answers_with_bytes(data)) as server, a_connection(server) as connection:
        return connection.ask("GET", "/", {}, read_timeout=2.0)


@pytest.mark.parametrize(
    ("data", "body", "is_last"),
    [
        (HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc", False),
        (HEAD + b"content-length:3\r\n\r\nabcdef", b"abc", True),
        (HEAD + b"Content-Length: 0\r\n\r\n", b"", False),
        (HEAD + b"Connection: close\r\n\r\nuntil the end", b"until the end", True),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end", True),
        (
            CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            b"abcde",
            False,
        ),
        (CHUNKED + b"1\r\na\r\n0\r\nx-more: 1\r\n\r\n", b"a", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", False),
        (
            HINTS + HEAD + b"Content-Length: 1\r\n\r\na",
            b"a",
            False,
        ),
    ],
)
def test_a_body_ends_where_the_answer_says(data: bytes, body: bytes, is_last: bool) -> None:
    answer = ask(data)

    assert (answer.data, answer.is_last) == (body, is_last)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        HEAD,
        HEAD + b"Content-Length: 3\r\n\r\nab",
        HEAD + b"Content-Length: many\r\n\r\nab",
        HEAD + b"Content-Length: 99999999999\r\n\r\nab",
        HEAD + b"\r\nno length",
        CHUNKED + b"xyz\r\n",
        CHUNKED + b"5\r\nab",
        HEAD + b"x: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200\nContent-Length: 1\n\na",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100 + HEAD + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"0\r\n" + b"x: y\r\n" * 200 + b"\r\n",
        HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_or_not_whole_is_told(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        ask(data)


@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_else_than_an_answer_or_its_lack(data: bytes) -> None:
    try:
        ask(HEAD + data)
    except BadAnswerError:
        return


def test_the_headers_names_are_in_lower_case() -> None:
    assert (
        ask(HEAD + b"Retry-After:  7 \r\nContent-Length: 0\r\n\r\n").headers["retry-after"] == "7"
    )


@pytest.mark.parametrize("text", ["two\r\nlines", "a\nb", "nul\0", "tab\t"])
def test_a_header_cannot_smuggle_in_another_one(text: str) -> None:
    with LoopbackServer(answers()) as server, a_connection(server) as connection:
        with pytest.raises(ValueError, match="cannot hold this"):
            connection.ask("GET", "/", {"authorization": text}, read_timeout=2.0)
        with pytest.raises(ValueError, match="cannot hold this"):
            connection.ask("GET", f"/{text}", {}, read_timeout=2.0)

        assert server.received == []


def test_a_key_that_is_no_latin_1_is_refused_before_anything_is_written() -> None:
    with LoopbackServer(answers()) as server, a_connection(server) as connection:
        with pytest.raises(ValueError, match="latin-1"):
            connection.ask("GET", "/", {"authorization": "Bearer ключ"}, read_timeout=2.0)

        assert server.received == []


@contextmanager
def a_tls_connection(folder: Path, serve: Callable[[ssl.SSLSocket], None]) -> Iterator[Connection]:
    """Open a connection; the other side has written all of its handshake then."""
    authority, certificate, key = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    is_ready = threading.Event()

    def accept() -> None:
        with context.wrap_socket(listener.accept()[0], server_side=True) as client:
            client.settimeout(5.0)
            is_ready.set()
            serve(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        connection = Connection(
            urlsplit(f"https://127.0.0.1:{listener.getsockname()[1]}"),
            certificates=ssl.create_default_context(cafile=str(authority)),
            connect_timeout=5.0,
        )
        assert is_ready.wait(5.0)
        yield connection
        connection.close()


def test_a_tls_connection_that_was_opened_ahead_is_used(tmp_path: Path) -> None:
    """Behind its handshake a server sends tickets: something to read, and yet no end."""

    def serve(client: ssl.SSLSocket) -> None:
        client.recv(1000)
        client.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        client.recv(1000)

    with a_tls_connection(tmp_path, serve) as connection:
        assert connection.is_usable
        assert connection.ask("GET", "/", {}, read_timeout=5.0).data == b"{}"
        assert connection.is_usable


def test_a_tls_connection_that_was_closed_is_not_used(tmp_path: Path) -> None:
    is_closed = threading.Event()

    def serve(client: ssl.SSLSocket) -> None:
        client.close()
        is_closed.set()

    with a_tls_connection(tmp_path, serve) as connection:
        assert is_closed.wait(5.0)
        assert not connection.is_usable
