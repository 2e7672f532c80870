"""The real handlers behind something that stands for API Gateway, with moto and a loopback 8x8."""

import base64
import importlib.util
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.fakes.aws import an_aws_account_of_functions, client_of
from tests.fakes.http_server import LoopbackServer, ServedConnection
from tests.template.conftest import PROJECT, Template, read_template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKENS = {
    "moengageTokens": "moengage-token-of-tests",
    "callbackTokens": "callback-token-of-tests",
    "lookUpTokens": "look-up-token-of-tests",
    "fullNumberTokens": "full-number-token-of-tests",
}
SUB_ACCOUNT = "Acme_Transactional"
TABLE = "messages"

# API Gateway hands these over as text, all others in base64.
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")

_ENVIRONMENT = json.loads((PROJECT / "events/environment.json").read_text("utf-8"))
_SETTINGS = {
    **_ENVIRONMENT["SendSms"],
    **_ENVIRONMENT["ReceiveCallback"],
    "MESSAGES_TABLE": TABLE,
    "CALLBACK_BASE_URL": "",
    "MOENGAGE_DATA_API_URL": "",
    # A repeat of what is still under way waits for seconds: none but those that are asked for.
    "DUPLICATE_WINDOW_SECONDS": "0",
}


class EightX8:
    """8x8 on loopback: takes every message, unless a test says otherwise.

    Attributes
    ----------
    refusal
        Status and body with which it answers everything; ``None`` takes every message, and a
        status of 0 is no answer at all.
    """

    UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"

    def __init__(self) -> None:
        self.refusal: tuple[int, dict[str, Any]] | None = None

    def __call__(self, connection: ServedConnection) -> None:
        """Answer one request."""
        connection.read()
        request = connection.received.pop()
        status, body = self.refusal or (404, {})
        if not status:
            connection.wait_until_left()
        if self.refusal is None and request.line.startswith("POST"):
            asked = json.loads(request.body)
            status, body = (
                200,
                {
                    "umid": self.UMID,
                    "clientMessageId": asked["clientMessageId"],
                    "destination": asked["destination"],
                    "encoding": "GSM7",
                    "status": {"code": "QUEUED", "description": "SMS is accepted"},
                },
            )
        content = json.dumps(body).encode()
        # With 429 the hour keeps the bridge from trying again while its caller waits.
        head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(content)}\r\nRetry-After: 3600\r\n\r\n"
        connection.send(head.encode() + content)


class HttpApi:
    """A WSGI application: API Gateway's HTTP API with the template's routes and functions."""

    def __init__(self, eightx8: EightX8, secret_arn: str, template: Template) -> None:
        self.eightx8 = eightx8
        self._secret_arn = secret_arn
        self._secrets = client_of("secretsmanager")
        self._folders = {
            name: properties["CodeUri"].strip("/").rpartition("/")[2]
            for name, properties in template.functions.items()
        }
        routes = [
            (event["Properties"].get("Method"), event["Properties"].get("Path"), function)
            for function, properties in template.functions.items()
            for event in properties.get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]
        self.routes = {(method, path): function for method, path, function in routes if path}
        [self._otherwise] = [function for _, path, function in routes if not path]
        self._handlers: dict[str, Callable[[dict[str, Any], object], dict[str, Any]]] = {}

    def put_secret(self, **changes: Any) -> None:
        """Change what the secret holds, and start all functions anew."""
        held = {"eightx8ApiKey": "8x8-api-key", "hashKey": "hash-key"}
        tokens = {name: [token] for name, token in TOKENS.items()}
        text = json.dumps({**held, **tokens, **changes})
        self._secrets.put_secret_value(SecretId=self._secret_arn, SecretString=text)
        self._handlers.clear()

    @staticmethod
    def forget_messages() -> None:
        """Empty the table."""
        table = client_of("dynamodb")
        for item in table.scan(TableName=TABLE)["Items"]:
            table.delete_item(TableName=TABLE, Key={"id": item["id"]})

    @contextmanager
    def deployed_with(self, **settings: str) -> Iterator[None]:
        """Start all functions with other settings, until the context ends."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(name, value)
            self._handlers.clear()
            yield
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
        return self._handler(function)(event, None)

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        for (its_method, pattern), function in self.routes.items():
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if found and method == its_method:
                return function, {name: unquote(text) for name, text in found.groupdict().items()}
        return self._otherwise, {}

    def _handler(self, function: str) -> Callable[[dict[str, Any], object], dict[str, Any]]:
        if function not in self._handlers:
            folder = self._folders[function]
            path = PROJECT / "functions" / folder / "app.py"
            spec = importlib.util.spec_from_file_location(f"{folder}_app", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._handlers[function] = module.handler
        return self._handlers[function]


@contextmanager
def an_http_api() -> Iterator[HttpApi]:
    """Deploy the HTTP API with an empty table, until the context ends."""
    template = read_template()
    eightx8 = EightX8()
    with ExitStack() as opening:
        environment = opening.enter_context(pytest.MonkeyPatch.context())
        opening.enter_context(an_aws_account_of_functions())
        server = opening.enter_context(LoopbackServer(eightx8))
        sqs = client_of("sqs")
        secret = client_of("secretsmanager").create_secret(Name="secret", SecretString="{}")
        settings = {
            **_SETTINGS,
            "BRIDGE_SECRET_ARN": secret["ARN"],
            "EIGHTX8_BASE_URL": server.url,
            **{
                f"{name}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"]
                for name in ("TRANSACTIONAL", "PROMOTIONAL", "OUTCOME")
            },
        }
        for name, value in settings.items():
            environment.setenv(name, value)
        table = template.resources["MessagesTable"]["Properties"]
        client_of("dynamodb").create_table(
            TableName=TABLE,
            **{
                part: table[part]
                for part in (
                    "AttributeDefinitions",
                    "KeySchema",
                    "GlobalSecondaryIndexes",
                    "BillingMode",
                )
            },
        )
        http_api = HttpApi(eightx8, secret["ARN"], template)
        http_api.put_secret()
        yield http_api
