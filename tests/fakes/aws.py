"""The bridge's table and queues in moto, as template.yaml makes them."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
TABLE = "messages"


def an_aws_account() -> AbstractContextManager[Any]:
    """Return a context with an empty AWS account; what boto3 read from disk stays read."""
    return mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": True}})


def a_messages_table() -> "DynamoDBClient":
    """Create the messages table and return the client to reach it with."""
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def a_queue() -> tuple["SQSClient", str]:
    """Create a queue and return the client and the URL to reach it with."""
    client = boto3.client("sqs", region_name=REGION)
    return client, client.create_queue(QueueName="queue")["QueueUrl"]
