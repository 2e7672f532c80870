"""The bridge's table and queues in moto, as template.yaml makes them."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from sms_bridge.storage.dynamodb_messages import OPEN_INDEX

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
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "shelf", "accepted_at")
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": OPEN_INDEX,
                "KeySchema": [
                    {"AttributeName": "shelf", "KeyType": "HASH"},
                    {"AttributeName": "accepted_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def a_queue(name: str = "queue") -> tuple["SQSClient", str]:
    """Create a queue and return the client and the URL to reach it with."""
    client = boto3.client("sqs", region_name=REGION)
    return client, client.create_queue(QueueName=name)["QueueUrl"]
