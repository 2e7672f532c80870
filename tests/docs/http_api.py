"""The real handlers behind something that stands for API Gateway, with moto and a loopback 8x8."""

import base64
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from local.event_files import TOKENS
from tests.fakes.aws import TABLE
from tests.fakes.http_server import reads_and_says_nothing
from tests.handlers.conftest import API_KEY, Bridge, Handler, a_bridge, good_8x8
from tests.template.conftest import read_template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SUB_ACCOUNT = "Acme_Transactional"

# API Gateway hands these over as text, all others in base64.
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")

_SECRET = {"eightx8ApiKey": API_KEY, **{name: [token] for name, token in TOKENS.items()}}
_SETTINGS = {
    "CALLBACK_BASE_URL": "",
    "MOENGAGE_DATA_API_URL": "",
    # A repeat of what is still under way waits for seconds: none but those that are asked for.
    "DUPLICATE_WINDOW_SECONDS": "0",
}
_NO_ANSWER = 0


class HttpApi:
    """A WSGI application: API Gateway's HTTP API with the template's routes and functions."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        functions = read_template().functions
        self._folders = {
            name: properties["CodeUri"].strip("/").rpartition("/")[2]
            for name, properties in functions.items()
        }
        routes = [
            (event["Properties"].get("Method"), event["Properties"].get("Path"), function)
            for function, properties in functions.items()
            for event in properties.get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]
        self.routes = {(method, path): function for method, path, function in routes if path}
        [self._otherwise] = [function for _, path, function in routes if not path]
        self._handlers: dict[str, Handler] = {}
        self._settings = _SETTINGS

    def forget_messages(self) -> None:
        """Empty the table."""
        for key in self._bridge.items():
            self._bridge.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": key}})

    @contextmanager
    def deployed_with(
        self,
        settings: dict[str, str],
        secret: dict[str, Any],
        refusal: tuple[int, dict[str, Any]] | None,
    ) -> Iterator[None]:
        """Start all functions anew with other settings and another secret, until the context ends.

        Parameters
        ----------
        refusal
            Status and body with which 8x8 answers everything; a status of 0 is no answer at all.
        """
        eightx8 = self._bridge.eightx8
        if refusal:
            status, body = refusal
            # With 429 the hour keeps the bridge from trying again while its caller waits.
            eightx8.always(status, body, Retry_After="3600")
            if status == _NO_ANSWER:
                eightx8.behaviour = reads_and_says_nothing
        self._bridge.put_secret(**{**_SECRET, **secret})
        self._settings = {**_SETTINGS, **settings}
        self._handlers.clear()
        try:
            yield
        finally:
            eightx8.behaviour = good_8x8
            self._bridge.put_secret(**_SECRET)
            self._settings = _SETTINGS
            self._handlers.clear()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        path = environ["REQUEST_URI"].partition("?")[0]
        answer = self.call(
            environ["REQUEST_METHOD"],
            path,
            query=environ["QUERY_STRING"],
            headers={
                name.removeprefix("HTTP_").replace("_", "-").lower(): value
                for name, value in environ.items()
                if name.startswith("HTTP_") or name == "CONTENT_TYPE"
            },
            body=environ["wsgi.input"].read(),
        )
        start_response(f"{answer['statusCode']} -", list(answer["headers"].items()))
        return [answer["body"].encode()]

    def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, Any]:
        """Give a request to the function whose route takes it, and return its answer."""
        function, parameters = self._route(method, path)
        headers = headers or {}
        is_text = _TEXT.fullmatch(headers.get("content-type", "text/plain").partition(";")[0])
        event = {
            "version": "2.0",
            "rawPath": unquote(path),
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "http": {"method": method, "path": unquote(path), "sourceIp": "203.0.113.10"},
                "requestId": "request-1",
                "timeEpoch": round(time.time() * 1000),
            },
            "pathParameters": parameters,
            "body": body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode(),
            "isBase64Encoded": not is_text,
        }
        answer: dict[str, Any] = self._handler(function)(event)
        return answer

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        for (its_method, pattern), function in self.routes.items():
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if found and method == its_method:
                return function, {name: unquote(text) for name, text in found.groupdict().items()}
        return self._otherwise, {}

    def _handler(self, function: str) -> Handler:
        if function not in self._handlers:
            folder = self._folders[function]
            self._handlers[function] = self._bridge.handler(folder, **self._settings)
        return self._handlers[function]


@contextmanager
def an_http_api() -> Iterator[HttpApi]:
    """Deploy the HTTP API with an empty table, until the context ends."""
    with pytest.MonkeyPatch.context() as environment, a_bridge(environment) as bridge:
        yield HttpApi(bridge)
