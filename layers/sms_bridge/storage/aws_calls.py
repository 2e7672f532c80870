"""AWS's JSON APIs without boto3, for the functions that every message waits for.

There boto3 would cost more, at start and for each call, than all the rest. An :class:`AwsClient`
has the methods of boto3's client for its service, as far as the bridge uses them, calls AWS with
the same timeouts and tries again in the same cases; the contract tests hold both to it.
"""

import copy
import functools
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from sms_bridge.domain.clock import Clock
from sms_bridge.json_text import WrittenList, json_text
from sms_bridge.providers.http import BadAnswerError, Connection, OpenConnections, aws_tls_context
from sms_bridge.storage.signing import Credentials, signed_headers

# AWS answers within milliseconds. A call that takes a second will not come back, while another
# one mostly does; and MoEngage waits for the answer.
CONNECT_TIMEOUT = 0.5
READ_TIMEOUT = 1.0
MAX_TRIES = 3

# As boto3's `standard` mode judges.
_TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "RequestTimeoutException"})
_THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
    }
)
_FIRST_PAUSE = {"dynamodb": 0.025}
_FIRST_PAUSE_OF_OTHERS = 0.05
_FIRST_PAUSE_WHEN_THROTTLED = 1.0

# How each API names its operations, its version of JSON, and its name in `AWS_ENDPOINT_URL_...`.
_PROTOCOLS = {
    "dynamodb": ("DynamoDB_20120810", "1.0", "DYNAMODB"),
    "secretsmanager": ("secretsmanager", "1.1", "SECRETS_MANAGER"),
    "sqs": ("AmazonSQS", "1.0", "SQS"),
}


class AwsError(Exception):
    """AWS refused a call. Its text is the code: AWS's own words quote what they refuse.

    Attributes
    ----------
    response
        As boto3's ``ClientError`` has it.
    """

    def __init__(self, code: str, response: dict[str, Any]) -> None:
        super().__init__(code)
        self.response = response


@functools.cache
def _kind_of_error(code: str) -> type[AwsError]:
    return type(code, (AwsError,), {})


class _Exceptions:
    """``client.exceptions.ResourceNotFoundException`` is what AWS calls so, as in boto3."""

    def __getattr__(self, code: str) -> type[AwsError]:
        return _kind_of_error(code)


class AwsClient:
    """A client of one service: ``client.get_item(TableName=...)`` calls ``GetItem``.

    Parameters
    ----------
    service
        ``dynamodb``, ``secretsmanager`` or ``sqs``.
    environment
        Lambda's: region, credentials (without them AWS refuses each call), and
        ``AWS_ENDPOINT_URL`` where the calls go elsewhere.
    chance
        A number between 0 and 1, for the jitter.
    """

    exceptions = _Exceptions()

    def __init__(
        self,
        service: str,
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.service = service
        self._target, json_version, _ = _PROTOCOLS[service]
        self._region = environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
        self._credentials = Credentials(
            environment.get("AWS_ACCESS_KEY_ID", ""),
            environment.get("AWS_SECRET_ACCESS_KEY", ""),
            environment.get("AWS_SESSION_TOKEN", ""),
        )
        self._url = urlsplit(_endpoint(service, self._region, environment))
        self._headers = {
            "content-type": f"application/x-amz-json-{json_version}",
            "host": self._url.netloc,
        }
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._open = OpenConnections(clock)
        self._max_tries = MAX_TRIES

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """Return a method of boto3's client."""
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self._call, _operation(name))

    def trying_once(self) -> "AwsClient":
        """Return a client of the same connections that never repeats a call."""
        once = copy.copy(self)
        once._max_tries = 1
        return once

    def connect(self) -> None:
        """Open a connection ahead of the first call."""
        self._open.put(self._new_connection())

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation, and again while that may help.

        Raises
        ------
        AwsError
            When AWS refused it.
        urllib3.exceptions.HTTPError, OSError, BadAnswerError
            When there was no answer.
        """
        members = (
            f'"{name}":{value.text if type(value) is WrittenList else json_text(value)}'
            for name, value in parameters.items()
        )
        content = f"{{{','.join(members)}}}".encode()
        for tries in range(1, self._max_tries + 1):
            is_last = tries == self._max_tries
            asked = ""
            try:
                status, asked, answer = self._post(operation, content)
            except (HTTPError, OSError, BadAnswerError):
                if is_last:
                    raise
                first_pause = self._first_pause
            else:
                if status < 300:
                    return answer
                code = str(answer.get("__type", status)).rpartition("#")[2].partition(":")[0]
                throttled = code in _THROTTLING_CODES or status == 429
                transient = code in _TRANSIENT_CODES or status in _TRANSIENT_STATUS
                if is_last or not (throttled or transient):
                    raise error_of(code, answer)
                first_pause = _FIRST_PAUSE_WHEN_THROTTLED if throttled else self._first_pause
            pause = self._chance() * first_pause * 2 ** (tries - 1)
            self._sleep(max(pause, min(_seconds(asked), pause + 5)))
        raise AssertionError("unreachable")

    @property
    def _first_pause(self) -> float:
        return _FIRST_PAUSE.get(self.service, _FIRST_PAUSE_OF_OTHERS)

    def _post(self, operation: str, content: bytes) -> tuple[int, str, dict[str, Any]]:
        """Post once; returns status, ``x-amz-retry-after`` and answer."""
        headers = signed_headers(
            {**self._headers, "x-amz-target": f"{self._target}.{operation}"},
            content,
            path=self._url.path or "/",
            credentials=self._credentials,
            region=self._region,
            service=self.service,
            now=self._clock(),
        )
        headers["content-length"] = str(len(content))
        connection = self._open.take() or self._new_connection()
        try:
            answer = connection.ask(
                "POST", self._url.path or "/", headers, content, read_timeout=READ_TIMEOUT
            )
        except BaseException:
            connection.close()
            raise
        if answer.is_last:
            connection.close()
        else:
            self._open.put(connection)
        return (
            answer.status,
            answer.headers.get("x-amz-retry-after", ""),
            _object_in(answer.status, answer.data),
        )

    def _new_connection(self) -> Connection:
        certificates = aws_tls_context() if self._url.scheme == "https" else None
        return Connection(self._url, certificates=certificates, connect_timeout=CONNECT_TIMEOUT)


def aws_client(service: str) -> Any:
    """Return an :class:`AwsClient`, to stand where a boto3 client is expected."""
    return AwsClient(service)


@functools.cache
def _operation(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _endpoint(service: str, region: str, environment: Mapping[str, str]) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return (
        environment.get(f"AWS_ENDPOINT_URL_{_PROTOCOLS[service][2]}")
        or environment.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.{suffix}"
    )


def error_of(code: str, answer: Mapping[str, Any]) -> AwsError:
    """Return the error that AWS tells by a code, in whatever place."""
    return _kind_of_error(code)(code, {**answer, "Error": {"Code": code}})


def _object_in(status: int, body: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer.

    Raises
    ------
    BadAnswerError
        When something else comes as a success: to take it for one would make an item be missing.
    """
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        if status < 300:
            raise BadAnswerError
        return {}
    return content


def _seconds(milliseconds: str) -> float:
    return int(milliseconds) / 1000 if milliseconds.isdecimal() else 0.0
