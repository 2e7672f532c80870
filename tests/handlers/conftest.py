"""The functions as Lambda would start them, with moto for AWS and loopback for the services."""

import importlib.util
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local.event_files import EVENTS, TOKENS, logical_id
from sms_bridge.logs import logger
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from tests.handlers.loopback import Answer, Arrived, LoopbackServer, loopback_server

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
ENVIRONMENT: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
REGION = "eu-central-1"
API_KEY = "local-8x8-api-key"
HASH_KEY = "local-hash-key"

Handler = Callable[[dict[str, Any], object], Any]


@dataclass(frozen=True)
class Bridge:
    """The deployed bridge, as far as functions see it."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    secretsmanager: "SecretsManagerClient"
    secret_arn: str
    eightx8: LoopbackServer
    moengage: LoopbackServer
    cloudformation: LoopbackServer
    log: io.StringIO
    monkeypatch: pytest.MonkeyPatch

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
            "BRIDGE_SECRET_ARN": self.secret_arn,
            "EIGHTX8_BASE_URL": self.eightx8.url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{self.moengage.url}/sms/dlr/custom/local-connector",
        }
        declared = ENVIRONMENT[logical_id(function)]
        own = {name: value for name, value in here.items() if name in declared}
        for name, value in {**declared, **own, **environment}.items():
            self.monkeypatch.setenv(name, value)
        handler: Handler = load(function).handler
        return handler

    @property
    def table(self) -> str:
        return ENVIRONMENT["SendSms"]["MESSAGES_TABLE"]

    @property
    def messages(self) -> DynamoDBMessages:
        return DynamoDBMessages(self.dynamodb, self.table)

    def items(self) -> dict[str, dict[str, Any]]:
        """Return all that the table holds, by id."""
        items = self.dynamodb.scan(TableName=self.table)["Items"]
        return {item["id"]["S"]: item for item in items}

    def queued(self, queue: str = "OUTCOME_QUEUE_URL") -> list[dict[str, Any]]:
        """Return what is due in a queue."""
        found = self.sqs.receive_message(
            QueueUrl=self.queue_url(queue), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [dict(message) for message in found.get("Messages", [])]

    def queue_url(self, queue: str) -> str:
        """Return a queue's URL by the variable that holds it."""
        return ENVIRONMENT["ForwardOutcome"][queue]

    def put_secret(self, **changes: Any) -> None:
        """Change what the secret holds."""
        text = self.secretsmanager.get_secret_value(SecretId=self.secret_arn)["SecretString"]
        secret = {**json.loads(text), **changes}
        self.secretsmanager.put_secret_value(
            SecretId=self.secret_arn, SecretString=json.dumps(secret)
        )


def load(function: str) -> ModuleType:
    """Import a function's app.py under a name of its own, as a new container would."""
    spec = importlib.util.spec_from_file_location(
        f"{function}_app", FUNCTIONS / function / "app.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accept(arrived: Arrived) -> Answer:
    """Answer as 8x8 does when it takes a message."""
    body = {
        "umid": "9ad1a2a0-0000-4000-8000-000000000000",
        "clientMessageId": arrived.json["clientMessageId"],
        "destination": arrived.json["destination"],
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
    }
    return 200, {"content-type": "application/json"}, json.dumps(body)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """A bridge whose secret holds the events' tokens; its table is empty."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    [log_handler] = logger.handlers
    assert isinstance(log_handler, logging.StreamHandler)
    log = io.StringIO()
    stdout = log_handler.setStream(log)
    try:
        with ExitStack() as opening:
            opening.enter_context(mock_aws())
            yield _made(opening, log, monkeypatch)
    finally:
        log_handler.setStream(stdout)


def _made(opening: ExitStack, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    secretsmanager = boto3.client("secretsmanager")
    created = secretsmanager.create_secret(Name="BridgeSecret", SecretString="{}")
    bridge = Bridge(
        dynamodb=boto3.client("dynamodb"),
        sqs=boto3.client("sqs"),
        secretsmanager=secretsmanager,
        secret_arn=created["ARN"],
        eightx8=opening.enter_context(loopback_server(accept)),
        moengage=opening.enter_context(loopback_server(lambda _: (200, {}, ""))),
        cloudformation=opening.enter_context(loopback_server(lambda _: (200, {}, ""))),
        log=log,
        monkeypatch=monkeypatch,
    )
    tokens = {name: [token] for name, token in TOKENS.items()}
    bridge.put_secret(eightx8ApiKey=API_KEY, hashKey=HASH_KEY, **tokens)
    bridge.dynamodb.create_table(
        TableName=bridge.table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for name in ("OUTCOME_QUEUE_URL", "OUTCOME_DEAD_LETTER_QUEUE_URL"):
        url = ENVIRONMENT["ForwardOutcome"][name]
        assert bridge.sqs.create_queue(QueueName=url.rpartition("/")[2])["QueueUrl"] == url
    return bridge
