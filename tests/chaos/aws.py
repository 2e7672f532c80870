"""AWS below boto3: its requests are answered here, in virtual time, and here they go wrong.

The clients are boto3's own, so that its retries, timeouts and errors are part of what is tried.
moto answers for the table, the tests' own queues for SQS: they know virtual time and deliver twice.
"""

import functools
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from boto3 import Session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from sms_bridge.storage.aws import READ_TIMEOUT
from tests.chaos.faults import Faults
from tests.chaos.world import World
from tests.fakes.aws import a_session

Content = dict[str, Any]

Reply = tuple[int, bytes]
"""HTTP status and JSON."""


Service = Callable[[str, Content, AWSPreparedRequest], Content | Reply]
"""Answers an operation; raises ``ClientError`` when it refuses a call."""


@dataclass(frozen=True, slots=True)
class _Faults:
    """Names of the faults of a service's calls; the last two come after the work is done."""

    throttles: str = ""
    is_down: str = ""
    loses_answer: str = ""
    loses_answers: str = ""


_FAULTS_OF = {
    "dynamodb": _Faults(
        "dynamodb_throttled", "dynamodb_down", "dynamodb_answer_lost", "dynamodb_answers_lost"
    ),
    "sqs": _Faults("sqs_fails", "", "sqs_answer_lost", "sqs_answers_lost"),
    "secrets-manager": _Faults(),
}


class Wire:
    """What boto3 writes to, in place of connections.

    Parameters
    ----------
    services
        Who answers, by the name that botocore's events have for a service.
    """

    def __init__(
        self, world: World, faults: Faults, random: Random, services: Mapping[str, Service]
    ) -> None:
        self._world = world
        self._faults = faults
        self._random = random
        self._services = services
        # What strikes all tries of a call, by boto3's id of the call.
        self._throttled: set[Any] = set()
        self._answerless: set[Any] = set()

    def session(self) -> Session:
        """Return a session whose clients write to this wire."""
        _Current.wire = self
        return _session()

    def send(self, *, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Answer a request as AWS does, or fail."""
        service, operation = event_name.split(".")[1:]
        strikes, wait = self._faults.strikes, self._world.wait
        names = _FAULTS_OF[service]
        call = request.headers["amz-sdk-invocation-id"]
        if b"attempt=1" in request.headers["amz-sdk-request"]:
            if strikes(names.throttles):
                self._throttled.add(call)
            if strikes(names.loses_answers):
                self._answerless.add(call)
        wait(self._random.uniform(0.001, 0.006))
        if call in self._throttled:
            return _response(request, *_refusal("ThrottlingException"))
        if strikes(names.is_down):
            wait(self._random.uniform(0.0, 0.5))
            raise ConnectTimeoutError(endpoint_url=request.url)
        reply = self._reply(service, operation, request)
        wait(self._random.uniform(0.001, 0.006))
        if call in self._answerless or strikes(names.loses_answer):
            wait(READ_TIMEOUT)
            raise ReadTimeoutError(endpoint_url=request.url)
        return _response(request, *reply)

    def _reply(self, service: str, operation: str, request: AWSPreparedRequest) -> Reply:
        try:
            asked: Content = json.loads(cast("bytes", request.body))
            answer = self._services[service](operation, asked, request)
        except ClientError as refused:
            return _refusal(refused.response["Error"]["Code"])
        return answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode())


class _Current:
    """The wire of the run that runs now."""

    wire: Wire


@functools.cache
def _session() -> Session:
    """Return the session of all runs of a process: to make one takes as long as some messages."""

    def send(**request: Any) -> AWSResponse:
        return _Current.wire.send(**request)

    session = a_session()
    session.events.register_first("before-send", cast("Any", send))
    return session


def _refusal(code: str) -> Reply:
    return 400, json.dumps({"__type": f"aws#{code}"}).encode()


def _response(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    headers: Any = {"x-amzn-requestid": "simulated"}
    raw: Any = _Body(body)
    return AWSResponse(request.url, status, headers, raw)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
