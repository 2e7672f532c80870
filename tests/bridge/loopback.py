"""An HTTP server on loopback that stands for 8x8, MoEngage or CloudFormation."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], str]
"""Status, headers and body."""


@dataclass(frozen=True)
class Arrived:
    """A request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class LoopbackServer:
    """What it answers, and what it was asked."""

    url: str
    answer: Callable[[Arrived], Answer]
    arrived: list[Arrived] = field(default_factory=list)

    def always(self, status: int, body: object = "", headers: Mapping[str, str] = {}) -> None:
        """Answer every request in the same way from now on."""
        self.answer = lambda _: (status, dict(headers), json.dumps(body))


@contextmanager
def loopback_server(answer: Callable[[Arrived], Answer]) -> Iterator[LoopbackServer]:
    """Serve on a free port until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            arrived = Arrived(self.command, self.path, headers, self.rfile.read(length))
            server.arrived.append(arrived)
            status, answer_headers, body = server.answer(arrived)
            self.send_response(status)
            for name, value in answer_headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = reply

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        server = LoopbackServer(f"http://127.0.0.1:{httpd.server_port}", answer)
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()
