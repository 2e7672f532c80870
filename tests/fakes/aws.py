"""The bridge's table and queues in moto, as template.yaml makes them."""

import functools
import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
import botocore.session
import moto.core.models
import pytest
from boto3 import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backend_index import backend_url_patterns
from moto.core import responses
from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.responses import DynamoHandler
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue

import slim
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.table import INDEXES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
TABLE = "messages"
ON_LOOPBACK = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


_UPDATE = re.compile(r'UPDATE "(?P<table>[\w.-]+)" (?P<changes>SET .+) WHERE (?P<tests>.+)')
_INSERT = re.compile(r"""INSERT INTO "(?P<table>[\w.-]+)" VALUE \{(?P<names>[^{}]+)\}""")
_EQUATION = re.compile(r"""(?:SET )?"(?P<name>\w+)" = (?:\?|'(?P<text>[^']*)'|(?P<number>\d+))""")
_MISSING = re.compile(r'"(?P<name>\w+)" IS MISSING')


def _batch_execute_statement(
    moto: DynamoDBBackend, statements: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Stand in for moto's own, which looks at keys and at nothing else of a condition.

    It knows PartiQL's UPDATE with SET and a WHERE of equations and ``IS MISSING``. That differs
    from UpdateItem in one point: an item that is not there is not made. And it knows INSERT, which
    refuses a key that is there and does not show the item.
    """
    if statements[0]["Statement"].startswith("INSERT"):
        return _insert(moto, statements)
    updates = [_update_of(one["Statement"], one["Parameters"]) for one in statements]
    if len(updates) > 25 or len({str(one["key"]) for one in updates}) < len(updates):
        raise MockValidationException("at most 25 statements, each of another item")
    answers: list[dict[str, Any]] = []
    for update, statement in zip(updates, statements, strict=True):
        try:
            moto.update_item(**update)
            answers.append({"TableName": update["table_name"]})
        except ConditionalCheckFailed:
            error: dict[str, Any] = {"Code": "ConditionalCheckFailed"}
            item = moto.get_item(update["table_name"], update["key"])
            if item and statement.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                error["Item"] = item.to_json()["Attributes"]
            answers.append({"Error": error})
    return answers


def _insert(moto: DynamoDBBackend, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    table, items = "", []
    for one in statements:
        whole = _INSERT.fullmatch(one["Statement"])
        assert whole, f"not known here: {one['Statement']}"
        table, names = whole["table"], re.findall(r"'(\w+)': \?", whole["names"])
        items.append(dict(zip(names, one["Parameters"], strict=True)))
    if len(items) > 25 or len({item["id"]["S"] for item in items}) < len(items):
        raise MockValidationException("at most 25 statements, each of another item")
    answers: list[dict[str, Any]] = []
    for item in items:
        if moto.get_item(table, {"id": item["id"]}):
            answers.append({"Error": {"Code": "DuplicateItem"}})
        else:
            moto.put_item(table, item)
            answers.append({"TableName": table})
    return answers


def _update_of(statement: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    whole = _UPDATE.fullmatch(statement)
    assert whole, f"not known here: {statement}"
    left, names, values = list(parameters), {}, {}

    def equation(text: str, number: int, prefix: str) -> tuple[str, dict[str, Any]]:
        found = _EQUATION.fullmatch(text)
        assert found, f"not known here: {text}"
        if found["text"] is not None:
            value = {"S": found["text"]}
        else:
            value = {"N": found["number"]} if found["number"] else left.pop(0)
        names[f"#{prefix}{number}"], values[f":{prefix}{number}"] = found["name"], value
        return found["name"], value

    changes = re.split(r" (?=SET )", whole["changes"])
    for number, change in enumerate(changes):
        equation(change, number, "c")
    conditions, key = ["attribute_exists(id)"], None
    for number, test in enumerate(whole["tests"].split(" AND ")):
        if missing := _MISSING.fullmatch(test):
            names[f"#t{number}"] = missing["name"]
            conditions.append(f"attribute_not_exists(#t{number})")
            continue
        name, value = equation(test, number, "t")
        conditions.append(f"#t{number} = :t{number}")
        key = {"id": value} if name == "id" else key
    assert key, f"no key: {statement}"
    assert not left, f"parameters that are not used: {statement}"
    assignments = ", ".join(f"#c{number} = :c{number}" for number in range(len(changes)))
    return {
        "table_name": whole["table"],
        "key": key,
        "update_expression": f"SET {assignments}",
        "condition_expression": " AND ".join(conditions),
        "expression_attribute_names": names,
        "expression_attribute_values": values,
    }


DynamoDBBackend.batch_execute_statement = _batch_execute_statement  # type: ignore[method-assign, assignment]

_serialized = DynamoHandler.serialized
_OF_ITEMS = {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "BatchExecuteStatement"}


def _serialized_as_it_is(self: DynamoHandler, action_result: ActionResult) -> Any:
    """Stand in for moto's own, which looks for each attribute of an item in several spellings.

    What it has is in the form of DynamoDB's JSON already.
    """
    if not (isinstance(action_result.result, dict) and self._get_action() in _OF_ITEMS):
        return _serialized(self, action_result)
    return 200, self.response_headers, json.dumps(action_result.result)


DynamoHandler.serialized = _serialized_as_it_is  # type: ignore[method-assign, assignment]

# Worked out for each call, and the same each time; what is parsed is copied before it is used.
for _place, _name in (
    (UpdateExpressionParser, "make"),
    (responses, "method_names_from_class"),
    (responses, "camelcase_to_underscores"),
    (sqs_models, "camelcase_to_underscores"),
):
    setattr(_place, _name, functools.cache(getattr(_place, _name)))
# Nothing here calls AWS through requests, for which each account would prepare a thousand answers.
moto.core.models.RESPONSES_METHODS = []
# What is not in a queue does not come while a test asks for it.
Queue.wait_for_messages = lambda *_: None  # type: ignore[method-assign]
# moto goes through the addresses of all of AWS for each call.
_OFTEN_CALLED = ("dynamodb", "sqs", "secretsmanager", "logs", "cloudwatch", "events")
backend_url_patterns.sort(key=lambda one: one[0] not in _OFTEN_CALLED)


_writing = threading.RLock()


def _alone(write: Callable[..., Any]) -> Callable[..., Any]:
    """Make a write atomic, as DynamoDB's are: moto lets threads in after its condition, and before
    it when it reads the item as it was.
    """

    @functools.wraps(write)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with _writing:
            return write(*args, **kwargs)

    return alone


for _name in ("put_item", "update_item", "delete_item"):
    setattr(DynamoDBBackend, _name, _alone(getattr(DynamoDBBackend, _name)))
DynamoHandler.update_item = _alone(DynamoHandler.update_item)  # type: ignore[method-assign]


def an_aws_account() -> AbstractContextManager[Any]:
    """Return a context with an empty AWS account; what boto3 read from disk stays read."""
    return mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": True}})


@contextmanager
def an_aws_account_of_functions() -> Iterator[None]:
    """Let functions that are loaded now find an empty AWS account."""
    with an_aws_account(), pytest.MonkeyPatch.context() as environment:
        for name, value in ON_LOOPBACK.items():
            environment.setenv(name, value)
        # To make one takes longer than most tests.
        environment.setattr(boto3, "Session", _session_of_a_function)
        yield


def clients_of_a_function() -> AwsClients:
    """Return the clients as a function has them: they know the layer's models."""
    return AwsClients(_session_of_a_function())


@functools.cache
def _session_of_a_function() -> Session:
    models = Path(tempfile.mkdtemp(prefix="models-"))
    slim.prune_models(Path(botocore.session.__file__).parent / "data", models)
    session = botocore.session.Session()
    session.set_config_variable("data_path", str(models))
    return Session("local", "local", region_name=REGION, botocore_session=session)


class LosesAnswers:
    """A client of DynamoDB whose writes are done, but their answers lost.

    boto3 repeats such a call, so that each write meets what it has written itself.
    """

    WRITES = ("put_item", "update_item", "delete_item", "batch_execute_statement")

    def __init__(self, client: "DynamoDBClient") -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in self.WRITES:
            return call

        def call_again(**parameters: Any) -> Any:
            with suppress(ClientError):
                call(**parameters)
            return call(**parameters)

        return call_again


def a_messages_table() -> "DynamoDBClient":
    """Create the messages table and return the client to reach it with."""
    client = client_of("dynamodb")
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("id", "accepted_at", *INDEXES.values())
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": attribute, "KeyType": "HASH"},
                    {"AttributeName": "accepted_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, attribute in INDEXES.items()
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def a_queue(name: str) -> tuple["SQSClient", str]:
    """Create a queue and return the client and the URL to reach it with."""
    client = client_of("sqs")
    return client, client.create_queue(QueueName=name)["QueueUrl"]


@overload
def client_of(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client_of(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client_of(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client_of(service: Literal["logs"]) -> "CloudWatchLogsClient": ...
@overload
def client_of(service: str) -> Any: ...
def client_of(service: str) -> Any:
    """Return moto's client of a service, one for all tests of a process."""
    return session().client(service)  # type: ignore[call-overload]


@functools.cache
def session() -> Session:
    """Return the session of all tests of a process, with one client of each service.

    To make one takes a quarter of a second.
    """
    made = a_session()
    made.client = functools.cache(made.client)  # type: ignore[method-assign]
    return made


def a_session() -> Session:
    """Return a new session, which does nothing that moto does not look at."""
    botocore_session = botocore.session.Session()
    unsigned = Config(signature_version=UNSIGNED, user_agent="tests")
    botocore_session.set_default_client_config(unsigned)
    return Session("local", "local", region_name=REGION, botocore_session=botocore_session)
