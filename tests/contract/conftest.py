"""The stores that have to obey the same contract."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.messages import MessageStore
from tests.fakes.messages import InMemoryMessages


@pytest.fixture(params=["in memory", "DynamoDB (moto)"])
def store(request: pytest.FixtureRequest) -> Iterator[MessageStore]:
    """Each kind of message store, empty."""
    if request.param == "in memory":
        yield InMemoryMessages()
        return
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="messages",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoDBMessages(client, "messages", retention_days=90)


@pytest.fixture
def atomic_store() -> MessageStore:
    """A store that keeps its promises under simultaneous calls. moto does not."""
    return InMemoryMessages()
