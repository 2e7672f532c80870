"""What the functions share."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

logger = Logger()
tracer = Tracer()
metrics = Metrics(namespace="SmsBridge")
table = boto3.resource("dynamodb").Table(os.environ["MESSAGES_TABLE"])
idempotency = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])


def secret() -> dict[str, Any]:
    arn = os.environ["BRIDGE_SECRET_ARN"]
    found: dict[str, Any] = parameters.get_secret(arn, transform="json", max_age=300)
    return found


def is_known(headers: dict[str, str], tokens: str) -> bool:
    return headers.get("authorization", "").removeprefix("Bearer ") in secret()[tokens]
