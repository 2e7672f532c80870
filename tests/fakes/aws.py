"""The bridge's table and queues in moto, as template.yaml makes them."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from sms_bridge.storage.message_indexes import BY_CAMPAIGN, BY_RECIPIENT, OPEN

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
TABLE = "messages"
INDEXES = (OPEN, BY_RECIPIENT, BY_CAMPAIGN)


def an_aws_account() -> AbstractContextManager[Any]:
    """Return a context with an empty AWS account; what boto3 read from disk stays read."""
    return mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": True}})


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
