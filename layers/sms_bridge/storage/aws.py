"""boto3's clients, for what no message waits for: they call AWS as the functions without it do."""

from typing import Any

import boto3
from botocore.config import Config

from sms_bridge.storage.aws_calls import CONNECT_TIMEOUT, MAX_TRIES, READ_TIMEOUT

AWS_CALLS = Config(
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": MAX_TRIES},
)


def boto3_client(service: str) -> Any:
    """Return boto3's client of a service."""
    make_client: Any = boto3.client
    return make_client(service, config=AWS_CALLS)
