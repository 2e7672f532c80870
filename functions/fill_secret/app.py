"""Custom resources: the tokens of a new secret, and what tells that settings have changed."""

from typing import Any

from sms_bridge.custom_resources import answer
from sms_bridge.storage.aws import AwsClients

secretsmanager = AwsClients().secretsmanager


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Do what CloudFormation asks for, and answer it."""
    answer(event, secretsmanager)
