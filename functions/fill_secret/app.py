"""Custom resources: the tokens of a new secret, and what tells that settings have changed."""

from typing import Any

from sms_bridge.custom_resources import answers_cloudformation, fill_secret, hashes_of
from sms_bridge.storage.aws import AwsClients

secretsmanager = AwsClients().secretsmanager


@answers_cloudformation
def handler(event: dict[str, Any]) -> dict[str, str]:
    """Do what the custom resource asks for, and return its attributes."""
    if event["RequestType"] == "Delete":
        return {}
    properties = event["ResourceProperties"]
    if event["ResourceType"] == "Custom::Settings":
        return hashes_of(properties)
    fill_secret(secretsmanager, properties["SecretArn"])
    return {}
