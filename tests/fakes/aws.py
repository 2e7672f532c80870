"""The bridge's table and queues in moto, as template.yaml makes them."""

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from moto import mock_aws
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.server import ThreadedMotoServer

from sms_bridge.storage import aws_calls
from sms_bridge.storage.messages import BY_CAMPAIGN, BY_RECIPIENT, OPEN
from tests.chaos.partiql import MOST_STATEMENTS, update_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
TABLE = "messages"
ON_LOOPBACK = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


def _batch_execute_statement(
    moto: DynamoDBBackend, statements: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Stand in for moto's own, which looks at keys and nothing else of a condition."""
    answers: list[dict[str, Any]] = []
    updates = [update_of(one["Statement"], one["Parameters"]) for one in statements]
    if not 0 < len(updates) <= MOST_STATEMENTS or _have_doubles(updates):
        raise MockValidationException("a batch of 1 to 25 statements, each of another item")
    for update in updates:
        try:
            moto.update_item(
                update["TableName"],
                update["Key"],
                update_expression=update["UpdateExpression"],
                condition_expression=update["ConditionExpression"],
                expression_attribute_names=update["ExpressionAttributeNames"],
                expression_attribute_values=update["ExpressionAttributeValues"],
            )
            answers.append({"TableName": update["TableName"]})
        except ConditionalCheckFailed:
            answers.append({"Error": {"Code": "ConditionalCheckFailed"}})
    return answers


def _have_doubles(updates: list[dict[str, Any]]) -> bool:
    return len({update["Key"]["id"]["S"] for update in updates}) < len(updates)


DynamoDBBackend.batch_execute_statement = _batch_execute_statement  # type: ignore[method-assign, assignment]

INDEXES = (OPEN, BY_RECIPIENT, BY_CAMPAIGN)


def an_aws_account() -> AbstractContextManager[Any]:
    """Return a context with an empty AWS account; what boto3 read from disk stays read."""
    return mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": True}})


@contextmanager
def an_aws_account_on_loopback() -> Iterator[str]:
    """Serve an empty AWS account, to boto3 and to what calls AWS without it; yields its URL."""
    url = _moto_server()
    urllib3.request("POST", f"{url}/moto-api/reset", timeout=10.0, retries=False)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ON_LOOPBACK.items():
            environment.setenv(name, value)
        environment.setenv("AWS_ENDPOINT_URL", url)
        # moto on a busy machine is slower than AWS.
        environment.setattr(aws_calls, "READ_TIMEOUT", 10.0)
        yield url


@functools.cache
def _moto_server() -> str:
    """Start the one server of this process, which ends with it; returns its URL."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def a_messages_table() -> "DynamoDBClient":
    """Create the messages table and return the client to reach it with."""
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("id", "accepted_at", *(index.attribute for index in INDEXES))
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.attribute, "KeyType": "HASH"},
                    {"AttributeName": "accepted_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index in INDEXES
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def a_queue(name: str = "queue") -> tuple["SQSClient", str]:
    """Create a queue and return the client and the URL to reach it with."""
    client = boto3.client("sqs", region_name=REGION)
    return client, client.create_queue(QueueName=name)["QueueUrl"]
