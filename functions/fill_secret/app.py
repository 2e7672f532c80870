"""Custom resources: the tokens of a new secret, and what tells that settings have changed."""

import hashlib
import json
import time
from typing import Any

import urllib3
from botocore.exceptions import ClientError

from sms_bridge.observability import log_failure
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.secret import add_missing_tokens

SECONDS_UNTIL_NEXT_TRY = (2, 4, 8, 16, 24)
"""A role that was just made may be refused for half a minute."""

secretsmanager = AwsClients().secretsmanager
http = urllib3.PoolManager(timeout=10.0, retries=3)


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Do what the custom resource asks for and tell CloudFormation how that went."""
    status, reason, attributes = "SUCCESS", "", {}
    try:
        if event["RequestType"] != "Delete":
            properties = event["ResourceProperties"]
            if event["ResourceType"] == "Custom::Settings":
                attributes = hashes_of(properties)
            else:
                fill(properties["SecretArn"])
    except Exception as error:
        # CloudFormation waits for an answer, whatever happens.
        log_failure("custom resource failed", error)
        status, reason = "FAILED", f"{type(error).__name__}: see this function's log"
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event["LogicalResourceId"],
        "Data": attributes,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    http.request("PUT", event["ResponseURL"], body=json.dumps(answer), headers={"content-type": ""})


def fill(secret_arn: str) -> None:
    """Put a token into each of the secret's lists that has none."""
    for seconds in SECONDS_UNTIL_NEXT_TRY:
        try:
            add_missing_tokens(secretsmanager, secret_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            time.sleep(seconds)
        else:
            return
    add_missing_tokens(secretsmanager, secret_arn)


def hashes_of(properties: dict[str, Any]) -> dict[str, str]:
    """Return a short hash of each property, as the resource's attributes."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
        for name, value in properties.items()
        if name not in ("ServiceToken", "ServiceTimeout")
    }
