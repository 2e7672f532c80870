"""The functions as Lambda would start them, with moto and the services on loopback."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local.event_files import (
    TO_ASK_8X8,
    TOKENS,
    EventFile,
    logical_id,
    message_id,
    umid,
)
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message
from sms_bridge.observability import logger
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable
from tests.fakes.aws import (
    TABLE,
    a_messages_table,
    a_queue,
    an_aws_account_of_functions,
    client_of,
)
from tests.fakes.circuit import circuits
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    ReceivedRequest,
    ServedConnection,
    answers,
)
from tests.fakes.logs import WrittenLog
from tests.functions import ENVIRONMENT, load

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

QUEUES = {
    name: url.rpartition("/")[2]
    for variables in ENVIRONMENT.values()
    for name, url in variables.items()
    if name.endswith("_QUEUE_URL")
}
"""The queues by the variable that holds their URL, as events/environment.json names them."""

API_KEY = "local-8x8-api-key"
DATA_API_KEY = "local-data-api-key"
HASH_KEY = "local-hash-key"

Handler = Callable[[dict[str, Any]], Any]


class LambdaContext:
    """What the functions ask of their context: there is a minute left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


class Service(LoopbackServer):
    """A service on loopback whose behaviour a test may change."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(lambda connection: self.behaviour(connection))
        self.behaviour = behaviour

    def always(self, status: int, body: object = "", **headers: str) -> None:
        """Answer every request in the same way from now on."""
        self.behaviour = answers(status, json.dumps(body).encode(), **headers)

    @property
    def bodies(self) -> list[Any]:
        """What it was asked, without requests that had no body."""
        return [json.loads(request.body) for request in self.received if request.body]


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """The deployed bridge, as far as functions see it."""

    monkeypatch: pytest.MonkeyPatch
    log: WrittenLog
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    secretsmanager: "SecretsManagerClient"
    secret_arn: str
    eightx8: Service
    moengage: Service
    cloudformation: Service
    queue_urls: dict[str, str]

    def handler(self, function: str, **environment: str) -> Handler:
        """Start a function anew and return its handler.

        Parameters
        ----------
        function
            Its folder.
        **environment
            Variables that differ from those of events/environment.json.
        """
        for name in {name for variables in ENVIRONMENT.values() for name in variables}:
            self.monkeypatch.delenv(name, raising=False)
        here = {
            **self.queue_urls,
            "BRIDGE_SECRET_ARN": self.secret_arn,
            "MESSAGES_TABLE": TABLE,
            "EIGHTX8_BASE_URL": self.eightx8.url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{self.moengage.url}/sms/dlr/custom/local-connector",
            "MOENGAGE_DATA_API_URL": f"{self.moengage.url}/v1/customer/LOCALWORKSPACE",
        }
        declared = ENVIRONMENT[logical_id(function)]
        own = {name: value for name, value in here.items() if name in declared}
        for name, value in {**declared, **own, **environment}.items():
            self.monkeypatch.setenv(name, value)
        handler = load(function).handler
        return lambda event: handler(event, LambdaContext())

    def event_of(self, file: EventFile) -> dict[str, Any]:
        """Return a file's event; a custom resource's with addresses of this bridge."""
        if file.function == "fill_secret":
            return file.answered_at(f"{self.cloudformation.url}/answer", self.secret_arn)
        return file.event

    @property
    def messages(self) -> DynamoDBMessages:
        return DynamoDBMessages(MessagesTable(self.dynamodb, TABLE))

    def stored(self, message_id: str) -> Message:
        """Return a message that is there."""
        message = self.messages.get(message_id)
        assert message is not None
        return message

    def items(self) -> dict[str, dict[str, Any]]:
        """Return all that the table holds, by id."""
        return {item["id"]["S"]: item for item in self.dynamodb.scan(TableName=TABLE)["Items"]}

    def queued(self, queue: str) -> list[dict[str, Any]]:
        """Return what is due in a queue, named by the variable that holds its URL."""
        found = self.sqs.receive_message(
            QueueUrl=self.queue_urls[queue], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [dict(message) for message in found.get("Messages", [])]

    def receive(self, queue: str) -> list[dict[str, Any]]:
        """Return what is due in a queue as Lambda receives it."""
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for message in self.queued(queue)
        ]

    def put_secret(self, **changes: Any) -> None:
        """Change what the secret holds."""
        text = self.secretsmanager.get_secret_value(SecretId=self.secret_arn)["SecretString"]
        secret = {**json.loads(text), **changes}
        self.secretsmanager.put_secret_value(
            SecretId=self.secret_arn, SecretString=json.dumps(secret)
        )


def good_8x8(connection: ServedConnection) -> None:
    """Take every message, and show the one that is asked about in the log."""
    connection.read()
    request = connection.received[-1]
    status, content = _answer_of_8x8(request)
    head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.send(head.encode() + content)


def _answer_of_8x8(request: ReceivedRequest) -> tuple[int, bytes]:
    match request.line.split()[0], request.line.split()[1].rpartition("/")[2]:
        case "POST", "messages":
            return 200, json.dumps(_taken(json.loads(request.body))).encode()
        case "POST", "batch":
            taken = [_taken(message) for message in json.loads(request.body)["messages"]]
            return 200, json.dumps({"batchId": umid(0), "messages": taken}).encode()
        case "POST", "exports":
            return 202, b'{"jobId": "job-1"}'
        case "GET", "job-1":
            link = f"http://{request.headers['host']}/download/log.csv"
            return 200, json.dumps({"status": "succeeded", "data": [link]}).encode()
        case "GET", "log.csv":
            return 200, (
                "umid,direction,status_value,createdat,clientmessageid\n"
                f"{umid(TO_ASK_8X8)},1,delivered,{timestamp(0)},{message_id(TO_ASK_8X8)}\n"
            ).encode()
    return 404, b"{}"


def _taken(message: dict[str, str]) -> dict[str, Any]:
    return {
        "umid": "9ad1a2a0-0000-4000-8000-000000000000",
        "clientMessageId": message["clientMessageId"],
        "destination": message["destination"],
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
    }


@contextmanager
def a_bridge(environment: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """Deploy a bridge whose secret holds the events' tokens; its table is empty."""
    log = WrittenLog()
    log_handler = logger.registered_handler
    assert isinstance(log_handler, logging.StreamHandler)
    stdout = log_handler.setStream(log.stream)
    try:
        with (
            an_aws_account_of_functions(),
            circuits(time.time),
            Service(good_8x8) as eightx8,
            Service(answers()) as moengage,
            Service(answers()) as cloudformation,
        ):
            secretsmanager = client_of("secretsmanager")
            tokens = {name: [token] for name, token in TOKENS.items()}
            secret = {
                "eightx8ApiKey": API_KEY,
                "moengageDataApiKey": DATA_API_KEY,
                "hashKey": HASH_KEY,
                **tokens,
            }
            yield Bridge(
                monkeypatch=environment,
                log=log,
                dynamodb=a_messages_table(),
                sqs=client_of("sqs"),
                secretsmanager=secretsmanager,
                secret_arn=secretsmanager.create_secret(
                    Name="BridgeSecret", SecretString=json.dumps(secret)
                )["ARN"],
                eightx8=eightx8,
                moengage=moengage,
                cloudformation=cloudformation,
                queue_urls={variable: a_queue(name)[1] for variable, name in QUEUES.items()},
            )
    finally:
        log_handler.setStream(stdout)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """A bridge of this test alone."""
    with a_bridge(monkeypatch) as bridge:
        yield bridge
