"""A deployed bridge for the operators' tool.

Its API is that of the real functions, its 8x8 is the simulator, and moto has its table, queues,
secret, logs, alarms and schedule. What CloudFormation and Lambda say of it the test decides.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

import bridge.app
import bridge.eightx8
from bridge import calls
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES
from bridge.stack import FUNCTIONS, Resource, Stack, variable_of
from local.eightx8 import EightX8Simulator
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import MessagesTable
from tests.builders import a_message
from tests.fakes.aws import REGION, TABLE, client_of
from tests.fakes.http_server import ServedConnection
from tests.functions import ENVIRONMENT, load

if TYPE_CHECKING:
    import pytest
    from typer.testing import Result

ACCOUNT = "5fe6a9c0-1c5b-4d0e-9a31-6c1f3b5d7e90"
TRANSACTIONAL, PROMOTIONAL = "Acme_Transactional", "Acme_Promotional"
OTHER_NUMBER = "+6598765432"
IDS = [f"{digit}a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d" for digit in "0123456789"]
KEY = "the-8x8-key"
HASH_KEY = "key-of-all-hashes"
RULE = "every-five-minutes"
MOENGAGE_TOKEN, CALLBACK_TOKEN = "the-moengage-token", "the-callback-token"
SECRET = {
    "eightx8ApiKey": KEY,
    "hashKey": HASH_KEY,
    "moengageTokens": [MOENGAGE_TOKEN],
    "callbackTokens": [CALLBACK_TOKEN],
    "lookUpTokens": ["the-look-up-token"],
    "fullNumberTokens": ["the-full-number-token"],
}
_KEPT = {"MessageRetentionPeriod": 1209600}
_WORKED_ON = {
    **_KEPT,
    "VisibilityTimeout": 361,
    "RedrivePolicy": {
        "deadLetterTargetArn": {"Fn::GetAtt": ["SendDeadLetterQueue", "Arn"]},
        "maxReceiveCount": 1000,
    },
}
# As the template has them.
QUEUES: dict[str, dict[str, Any]] = {
    **{one: {"Type": "AWS::SQS::Queue", "Properties": _WORKED_ON} for one in WORK_QUEUES},
    **{one: {"Type": "AWS::SQS::Queue", "Properties": _KEPT} for one in DEAD_LETTER_QUEUES},
}


@dataclass
class Functions:
    """Lambda, as far as the tool asks it."""

    environment: dict[str, str]
    """Variables of all functions; ``changed`` has those of one that differ."""
    changed: dict[str, dict[str, str | None]] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    """Concurrency that was reserved by hand."""
    mappings: dict[str, str] = field(default_factory=dict)
    """The state of what receives from the queues."""

    class exceptions:
        ResourceNotFoundException = KeyError

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str) -> dict[str, Any]:  # noqa: ARG002
        variables = {**self.environment, **self.changed.get(FunctionName, {})}
        kept = {name: value for name, value in variables.items() if value is not None}
        return {"Environment": {"Variables": kept}}

    def get_function_concurrency(self, *, FunctionName: str) -> dict[str, Any]:
        found = self.reserved.get(FunctionName)
        return {} if found is None else {"ReservedConcurrentExecutions": found}

    def list_event_source_mappings(self, *, EventSourceArn: str) -> dict[str, Any]:
        queue = EventSourceArn.rpartition(":")[2]
        state = self.mappings.get(queue, "Enabled")
        return {"EventSourceMappings": [{"UUID": "a-uuid", "State": state}]}


@dataclass
class Deployed:
    """The bridge, and the operator at its command line."""

    secret_arn: str
    functions: Functions
    queue_urls: dict[str, str]
    eightx8: EightX8Simulator
    monkeypatch: pytest.MonkeyPatch
    api_url: str = ""
    status: str = "CREATE_COMPLETE"
    parameters: dict[str, str] = field(default_factory=dict)
    missing_resources: set[str] = field(default_factory=set)
    alarms: list[str] = field(default_factory=list)
    eightx8_answers: dict[tuple[str, str], calls.Answer | Exception] = field(default_factory=dict)
    """What 8x8 answers in place of the simulator, by method and the start or end of the URL."""
    handlers: dict[str, Callable[[dict[str, Any], object], Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of all functions."""
        return self.functions.environment

    # ------------------------------------------------------------------------- the operator
    def run(self, *words: str, typed: str = "") -> Result:
        """Run ``sms-bridge`` with these words; what is typed goes to its standard input."""
        self.monkeypatch.setattr(bridge.app, "Stack", functools.partial(ToldStack, self))
        self.monkeypatch.setattr(bridge.eightx8, "call", self._call_8x8)
        return CliRunner().invoke(bridge.app.app, words, input=typed, env={"BRIDGE_API_URL": ""})

    def shown(self, *words: str, typed: str = "", status: int = 0) -> str:
        """Run ``sms-bridge``, which ends with this status; returns all that it prints."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == status, result.output
        return result.output

    def json_of(self, *words: str, status: int = 0) -> Any:
        """Run ``sms-bridge`` with ``--json`` and return what it prints."""
        result = self.run(*words, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def _call_8x8(self, method: str, url: str, **options: Any) -> calls.Answer:
        for (its_method, end), answer in self.eightx8_answers.items():
            if method == its_method and (url.endswith(end) or url.startswith(end)):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return calls.call(method, url, **options)

    @property
    def stack(self) -> Stack:
        """The stack as the commands have it."""
        return ToldStack(self, "sms-bridge")

    # -------------------------------------------------------------------------- the deployment
    @property
    def secret_text(self) -> str:
        found = client_of("secretsmanager").get_secret_value(SecretId=self.secret_arn)
        return str(found["SecretString"])

    def put_secret_text(self, text: str) -> None:
        client = client_of("secretsmanager")
        client.put_secret_value(SecretId=self.secret_arn, SecretString=text)

    @property
    def secret(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.secret_text)
        return values

    def put_secret(self, **changes: Any) -> None:
        self.put_secret_text(json.dumps({**self.secret, **changes}))

    @property
    def messages(self) -> DynamoDBMessages:
        return DynamoDBMessages(MessagesTable(client_of("dynamodb"), TABLE))

    def keep(self, **facts: Any) -> Message:
        """Put a message into the table as it was accepted."""
        message = a_message(**facts)
        message = a_message(
            **{"recipient_hash": keyed_hash(message.destination, HASH_KEY), **facts}
        )
        assert self.messages.create(message) is None
        return message

    def keep_over(self, reason: str = "", **facts: Any) -> Message:
        """Put a message into the table with its outcome: it was delivered, or failed of this."""
        state, status = State.DELIVERED, OutcomeStatus.DELIVERED
        if reason:
            state, status = State.FAILED, OutcomeStatus.FAILED
        message = self.keep(state=state, **facts)
        outcome = Outcome(status, reason)
        return self.messages.record_outcome(message.id, outcome, 4e9).message

    def queue(self, name: str) -> list[dict[str, Any]]:
        """Return the records that can be received from a queue."""
        found = client_of("sqs").receive_message(
            QueueUrl=self.queue_urls[name],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [dict(one) for one in found.get("Messages", [])]

    def put_into(self, name: str, body: str, *, reason: str = "") -> None:
        words = {"DataType": "String", "StringValue": reason}
        attributes: dict[str, Any] = {"reason": words} if reason else {}
        client_of("sqs").send_message(
            QueueUrl=self.queue_urls[name], MessageBody=body, MessageAttributes=attributes
        )

    def log(self, function: str, *lines: dict[str, Any], minutes_ago: int = 1) -> None:
        """Let a function have logged lines."""
        moment = int((time.time() - 60 * minutes_ago) * 1000)
        logs, group = client_of("logs"), log_group(function)
        if not logs.describe_log_streams(logGroupName=group)["logStreams"]:
            logs.create_log_stream(logGroupName=group, logStreamName="stream")
        logs.put_log_events(
            logGroupName=group,
            logStreamName="stream",
            logEvents=[{"timestamp": moment, "message": json.dumps(one)} for one in lines],
        )

    def add_alarm(self, name: str, *actions: str, state: str = "OK", description: str = "") -> None:
        client_of("cloudwatch").put_metric_alarm(
            AlarmName=name,
            AlarmDescription=description,
            AlarmActions=list(actions),
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        client_of("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="said so"
        )
        self.alarms.append(name)

    def register(self, url: str, *, sub_account_id: str = "*", **changes: Any) -> None:
        """Let somebody have registered a webhook with 8x8."""
        webhook = {
            "subAccountId": sub_account_id,
            "url": url,
            "httpAuthorization": f"Bearer {CALLBACK_TOKEN}",
            "enabled": True,
        }
        kept = {name: value for name, value in {**webhook, **changes}.items() if value is not None}
        self.eightx8.webhooks.put([kept])

    # --------------------------------------------------------------------------------- the API
    def serve(self, connection: ServedConnection) -> None:
        """Answer as API Gateway with the functions behind it."""
        # Of its own: 8x8 calls back while somebody else asks.
        own = ServedConnection(connection.socket, [])
        own.read()
        [request] = own.received
        method, target, _ = request.line.split(" ")
        path, _, query = target.partition("?")
        function, parameters = _route(method, path)
        event = {
            "rawPath": path,
            "rawQueryString": query,
            "headers": request.headers,
            "pathParameters": parameters,
            "body": request.body.decode(),
            "requestContext": {
                "requestId": "request",
                "http": {"method": method, "sourceIp": "127.0.0.1"},
            },
        }
        with self.lock:
            answer = self._handler(function)(event, None)
        body = answer["body"].encode()
        lines = [f"HTTP/1.1 {answer['statusCode']} Status", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in answer["headers"].items()]
        connection.send("\r\n".join([*lines, "", ""]).encode() + body)

    def _handler(self, function: str) -> Callable[[dict[str, Any], object], Any]:
        if function not in self.handlers:
            for name, value in self.environment.items():
                self.monkeypatch.setenv(name, value)
            self.handlers[function] = load(function).handler
        return self.handlers[function]


class ToldStack(Stack):
    """A stack of which the test decides what CloudFormation and Lambda say."""

    def __init__(self, deployed: Deployed, name: str, **options: Any) -> None:
        super().__init__(name, **{**options, "region": REGION})
        self._deployed = deployed

    @property
    def is_local(self) -> bool:
        return True

    @property
    def description(self) -> dict[str, Any]:
        deployed = self._deployed
        url = f"{deployed.api_url}/api/v1/subaccounts/{TRANSACTIONAL}/messages"
        return {
            "StackName": self.name,
            "StackId": f"arn:aws:cloudformation:{REGION}:123456789012:stack/{self.name}/id",
            "StackStatus": deployed.status,
            "Outputs": [{"OutputKey": "SendUrl", "OutputValue": url}],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": one}
                for key, one in deployed.parameters.items()
            ],
        }

    @property
    def resources(self) -> dict[str, Resource]:
        deployed = self._deployed
        ids = {
            **{name: ("AWS::Lambda::Function", name) for name in FUNCTIONS},
            **{f"{one}LogGroup": ("AWS::Logs::LogGroup", log_group(one)) for one in FUNCTIONS},
            **{name: ("AWS::SQS::Queue", url) for name, url in deployed.queue_urls.items()},
            **{name: ("AWS::CloudWatch::Alarm", name) for name in deployed.alarms},
            "Schedule": ("AWS::Events::Rule", RULE),
            "HttpApi": ("AWS::ApiGatewayV2::Api", "api"),
            "MessagesTable": ("AWS::DynamoDB::Table", TABLE),
            "BridgeSecret": ("AWS::SecretsManager::Secret", deployed.secret_arn),
        }
        return {
            name: Resource(*one)
            for name, one in ids.items()
            if name not in deployed.missing_resources
        }

    @property
    def template(self) -> Mapping[str, Any]:
        return {"Resources": QUEUES}

    @property
    def aws(self) -> Any:
        functions = self._deployed.functions
        return SimpleNamespace(
            region_name=REGION,
            client=lambda service: functions if service == "lambda" else client_of(service),
        )


def log_group(function: str) -> str:
    return f"sms-bridge-{function}"


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
    client, urls = client_of("sqs"), {}
    for name in (*DEAD_LETTER_QUEUES, *WORK_QUEUES):
        attributes = {key: str(one) for key, one in QUEUES[name]["Properties"].items()}
        if "RedrivePolicy" in attributes:
            attributes["RedrivePolicy"] = redrive_policy("SendDeadLetterQueue")
        urls[name] = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return urls


def redrive_policy(target: str, count: int = 1000) -> str:
    """Return how SQS says where a queue's dead letters go."""
    arn = f"arn:aws:sqs:{REGION}:123456789012:{target}"
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(count)})


def environment(queue_urls: dict[str, str], secret_arn: str, eightx8_url: str) -> dict[str, str]:
    """Return the variables of all functions: events/environment.json's, with this stack's own."""
    return {
        **{name: value for one in ENVIRONMENT.values() for name, value in one.items() if value},
        "BRIDGE_SECRET_ARN": secret_arn,
        # A function reads the secret each time, so that nothing has to be waited for.
        "SECRET_MAX_AGE_SECONDS": "0",
        "MESSAGES_TABLE": TABLE,
        **{f"{variable_of(name)}_URL": url for name, url in queue_urls.items()},
        "EIGHTX8_BASE_URL": eightx8_url,
        "SUB_ACCOUNT_IDS": f"{TRANSACTIONAL},{PROMOTIONAL}",
        "TRANSACTIONAL_SUB_ACCOUNT_IDS": TRANSACTIONAL,
        "DEFAULT_SENDER_ID": "Acme",
        "CALLBACK_BASE_URL": "",
        "MONITORING": "full",
        "MOENGAGE_DATA_API_URL": "",
        "MOENGAGE_DELIVERY_TRACKING_URL": "",
        "UNRESOLVED_TIMEOUT_SECONDS": "3600",
    }
