"""A deployed bridge for the operators' tool.

Its API is that of the real functions, its table, queues and secret are in moto, and its 8x8 is the
simulator. What CloudFormation, Lambda and CloudWatch would tell of it is told by the test.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from typer.testing import CliRunner

import bridge.app
from bridge import calls
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES
from bridge.stack import Resource, Stack
from local.eightx8 import EightX8Simulator, Pace
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.storage.messages import DynamoDBMessages
from tests.bridge.loopback import Answer, Arrived
from tests.builders import a_message
from tests.fakes.aws import REGION

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from typer.testing import Result

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
ACCOUNT = "5fe6a9c0-1c5b-4d0e-9a31-6c1f3b5d7e90"
TRANSACTIONAL, PROMOTIONAL = "Acme_Transactional", "Acme_Promotional"
KEY = "the-8x8-key"
HASH_KEY = "hash-key"
TABLE = "messages"
FUNCTION_NAMES = (
    *("SendSms", "DispatchQueue", "ReceiveCallback"),
    *("ForwardOutcome", "Reconcile", "LookUpMessage"),
)
SECRET = {
    "eightx8ApiKey": KEY,
    "hashKey": HASH_KEY,
    "moengageTokens": ["moengage-token"],
    "callbackTokens": ["callback-token"],
    "lookUpTokens": ["look-up-token"],
    "fullNumberTokens": ["full-number-token"],
}
_TIMEOUT = 10.0


class Alarms:
    """CloudWatch's alarms: what ``describe_alarms`` tells of each."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}

    def describe_alarms(self, *, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:
        assert AlarmTypes == ["MetricAlarm"]
        return {
            "MetricAlarms": [{"AlarmName": one, **self.alarms[one]} for one in AlarmNames],
        }


@dataclass
class Deployed:
    """The bridge, and the operator at its command line.

    Attributes
    ----------
    environment
        Variables of all functions.
    status, parameters
        Of the CloudFormation stack.
    """

    secret_arn: str
    environment: dict[str, str]
    queue_urls: dict[str, str]
    eightx8: EightX8Simulator
    eightx8_url: str
    monkeypatch: pytest.MonkeyPatch
    api_url: str = ""
    status: str = "CREATE_COMPLETE"
    parameters: dict[str, str] = field(default_factory=dict)
    missing_resources: set[str] = field(default_factory=set)
    alarms: Alarms = field(default_factory=Alarms)
    handlers: dict[str, Callable[[dict[str, Any], object], Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    # ------------------------------------------------------------------------- the operator
    def run(self, *words: str, typed: str = "") -> Result:
        """Run ``bridge`` with these words; what is typed goes to its standard input."""
        self.monkeypatch.setattr(bridge.app, "Stack", partial(_ToldStack, self))
        return CliRunner().invoke(bridge.app.app, words, input=typed, env={"BRIDGE_API_URL": ""})

    def json_of(self, *words: str, status: int = 0) -> Any:
        """Run ``bridge`` with ``--json`` and return what it prints."""
        result = self.run(*words, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    # -------------------------------------------------------------------------- the deployment
    @property
    def secret_text(self) -> str:
        client = _session().client("secretsmanager")
        return client.get_secret_value(SecretId=self.secret_arn)["SecretString"]

    def put_secret_text(self, text: str) -> None:
        client = _session().client("secretsmanager")
        client.put_secret_value(SecretId=self.secret_arn, SecretString=text)

    @property
    def secret(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.secret_text)
        return values

    def put_secret(self, **changes: Any) -> None:
        self.put_secret_text(json.dumps({**self.secret, **changes}))

    @property
    def messages(self) -> DynamoDBMessages:
        return DynamoDBMessages(_session().client("dynamodb"), TABLE)

    def keep(self, **facts: Any) -> Message:
        """Put a message into the table as it was accepted."""
        message = a_message(**facts)
        message = a_message(
            **{"recipient_hash": keyed_hash(message.destination, HASH_KEY), **facts}
        )
        assert self.messages.create(message) is None
        return message

    def queue(self, name: str) -> list[dict[str, Any]]:
        """Return the records that can be received from a queue."""
        found = (
            _session()
            .client("sqs")
            .receive_message(
                QueueUrl=self.queue_urls[name], MaxNumberOfMessages=10, VisibilityTimeout=0
            )
        )
        return [dict(one) for one in found.get("Messages", [])]

    def put_into(self, name: str, body: str, *, reason: str = "") -> None:
        attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        _session().client("sqs").send_message(
            QueueUrl=self.queue_urls[name],
            MessageBody=body,
            MessageAttributes=attributes,  # type: ignore[arg-type]
        )

    def register(self, url: str, *, sub_account_id: str = "*", **changes: Any) -> None:
        """Let somebody have registered a webhook with 8x8."""
        webhook = {
            "subAccountId": sub_account_id,
            "url": url,
            "httpAuthorization": "Bearer callback-token",
            "enabled": True,
        }
        kept = {name: value for name, value in {**webhook, **changes}.items() if value is not None}
        self.eightx8.webhooks.put([kept])

    # --------------------------------------------------------------------------------- the API
    def call(self, method: str, url: str, body: object, *, authorization: str) -> calls.Answer:
        """Call the API as MoEngage does."""
        return calls.call(method, url, token=authorization.removeprefix("Bearer "), body=body)

    def status_of_sending_with(self, token: str) -> int:
        """Return how an empty request to send is answered."""
        url = f"{self.api_url}/api/v1/subaccounts/{TRANSACTIONAL}/messages"
        return calls.call("POST", url, token=token).status

    def answer(self, arrived: Arrived) -> Answer:
        """Answer as API Gateway with the functions behind it."""
        path, _, query = arrived.path.partition("?")
        function, parameters = _route(arrived.method, path)
        event = {
            "rawPath": path,
            "rawQueryString": query,
            "headers": arrived.headers,
            "pathParameters": parameters,
            "body": arrived.content.decode(),
            "requestContext": {
                "requestId": "request",
                "http": {"method": arrived.method, "sourceIp": "127.0.0.1"},
            },
        }
        with self.lock:
            answer = self._handler(function)(event, None)
        return answer["statusCode"], answer["headers"], answer["body"]

    def _handler(self, function: str) -> Callable[[dict[str, Any], object], Any]:
        if function not in self.handlers:
            for name, value in self.environment.items():
                self.monkeypatch.setenv(name, value)
            spec = importlib.util.spec_from_file_location(
                f"{function}_of_the_deployed", FUNCTIONS / function / "app.py"
            )
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self.handlers[function] = module.handler
        return self.handlers[function]


class _ToldStack(Stack):
    """A stack of which the test tells what CloudFormation, Lambda and CloudWatch would."""

    def __init__(self, deployed: Deployed, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._deployed = deployed
        self.__dict__["_session"] = _session()

    @property
    def description(self) -> StackTypeDef:
        outputs = {
            "SendUrl": f"{self._deployed.api_url}/api/v1/subaccounts/{TRANSACTIONAL}/messages",
            "SecretArn": self._deployed.secret_arn,
            "MessagesTableName": TABLE,
            "OutcomeQueueUrl": self._deployed.queue_urls["OutcomeQueue"],
            "OutcomeDeadLetterQueueUrl": self._deployed.queue_urls["OutcomeDeadLetterQueue"],
        }
        return {
            "StackName": self.name,
            "StackStatus": self._deployed.status,  # type: ignore[typeddict-item]
            "Outputs": [{"OutputKey": key, "OutputValue": url} for key, url in outputs.items()],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": one}
                for key, one in self._deployed.parameters.items()
            ],
        }

    @property
    def resources(self) -> dict[str, Resource]:
        functions = {
            name: Resource("AWS::Lambda::Function", name, "CREATE_COMPLETE")
            for name in FUNCTION_NAMES
        }
        queues = {
            name: Resource("AWS::SQS::Queue", url, "CREATE_COMPLETE")
            for name, url in self._deployed.queue_urls.items()
        }
        alarms = {
            name: Resource("AWS::CloudWatch::Alarm", name, "CREATE_COMPLETE")
            for name in self._deployed.alarms.alarms
        }
        others = {
            "HttpApi": Resource("AWS::ApiGatewayV2::Api", "api", "CREATE_COMPLETE"),
            "MessagesTable": Resource("AWS::DynamoDB::Table", TABLE, "CREATE_COMPLETE"),
            "BridgeSecret": Resource("AWS::SecretsManager::Secret", "secret", "CREATE_COMPLETE"),
        }
        everything = functions | queues | alarms | others
        return {
            name: one
            for name, one in everything.items()
            if name not in self._deployed.missing_resources
        }

    def environment_of(self, function: str) -> dict[str, str]:
        assert function in self.resources
        return self._deployed.environment

    @property
    def cloudwatch(self) -> Alarms:
        return self._deployed.alarms


def _session() -> boto3.Session:
    """Return boto3's default session: what it read from disk stays read."""
    boto3.client("sts", region_name=REGION)
    assert boto3.DEFAULT_SESSION is not None
    return boto3.DEFAULT_SESSION


def _route(method: str, path: str) -> tuple[str, dict[str, str]]:
    parts = path.strip("/").split("/")
    match method, parts:
        case "POST", ["api", "v1", "subaccounts", sub_account_id, "messages"]:
            return "send_sms", {"subAccountId": sub_account_id}
        case "POST", ["callbacks", "8x8"]:
            return "receive_callback", {}
        case "GET", ["messages", message_id]:
            return "look_up_message", {"messageId": message_id}
    return "refuse_request", {}


def make_queues() -> dict[str, str]:
    """Create the stack's queues; returns their URLs by their names in the template."""
    client = _session().client("sqs")
    names = (*WORK_QUEUES, *DEAD_LETTER_QUEUES)
    return {name: client.create_queue(QueueName=name)["QueueUrl"] for name in names}


def make_table() -> None:
    """Create the messages table as template.yaml does."""
    attributes = ("id", "open_shard", "accepted_at", "recipient_hash", "campaign")
    indexes = {"open": "open_shard", "recipient": "recipient_hash", "campaign": "campaign"}
    _session().client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in attributes],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": [
                    {"AttributeName": attribute, "KeyType": "HASH"},
                    {"AttributeName": "accepted_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name, attribute in indexes.items()
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def make_secret() -> str:
    """Create the secret; returns its ARN."""
    client = _session().client("secretsmanager")
    return client.create_secret(Name="BridgeSecret", SecretString=json.dumps(SECRET))["ARN"]


def environment(queue_urls: dict[str, str], secret_arn: str, eightx8_url: str) -> dict[str, str]:
    """Return the functions' variables, with template.yaml's defaults."""
    return {
        "POWERTOOLS_SERVICE_NAME": "sms-bridge",
        "BRIDGE_SECRET_ARN": secret_arn,
        # A function reads the secret each time, so that nothing has to be waited for.
        "SECRET_MAX_AGE_SECONDS": "0",
        "MESSAGES_TABLE": TABLE,
        "RETENTION_DAYS": "90",
        "TRANSACTIONAL_QUEUE_URL": queue_urls["TransactionalQueue"],
        "PROMOTIONAL_QUEUE_URL": queue_urls["PromotionalQueue"],
        "OUTCOME_QUEUE_URL": queue_urls["OutcomeQueue"],
        "EIGHTX8_BASE_URL": eightx8_url,
        "SUB_ACCOUNT_IDS": f"{TRANSACTIONAL},{PROMOTIONAL}",
        "DEFAULT_SENDER_ID": "Acme",
        "DUPLICATE_WINDOW_SECONDS": "120",
        "TRANSACTIONAL_SUB_ACCOUNT_IDS": TRANSACTIONAL,
        "DISPATCH_MODE": "direct",
        "AMBIGUOUS_SEND_POLICY": "hold",
        "TRANSACTIONAL_SECONDS_TO_LIVE": "600",
        "PROMOTIONAL_SECONDS_TO_LIVE": "14400",
        "OPT_OUT_MESSAGE_TYPES": "promotional",
        "OPT_OUT_KEYWORDS": "STOP",
        "OPT_IN_KEYWORDS": "START",
    }


def a_simulator() -> EightX8Simulator:
    """Return 8x8, with this account and its key."""
    return EightX8Simulator(
        account_id=ACCOUNT,
        sub_account_ids=(TRANSACTIONAL, PROMOTIONAL),
        api_keys=[KEY],
        pace=Pace(until_receipt=0.0, between_retries=()),
    )


@contextmanager
def running(simulator: EightX8Simulator) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run 8x8 in a thread of its own.

    Yields
    ------
    tuple
        Its URL, and what waits until no callback is under way.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run[Value](work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, loop).result(_TIMEOUT)

    service = simulator.running()
    try:
        url = run(service.__aenter__())
        try:
            yield url, lambda: run(simulator.settled(_TIMEOUT))
        finally:
            run(service.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_TIMEOUT)
        loop.close()
