"""CloudFormation's custom resources: what they do, and how CloudFormation is answered."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.exceptions import ClientError

from sms_bridge.observability import log_failure
from sms_bridge.storage import secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# A role that was just made may be refused for half a minute.
_SECONDS_UNTIL_NEXT_TRY = (2, 4, 8, 16, 24)


def answers_cloudformation(
    work: Callable[[dict[str, Any]], dict[str, str]],
) -> Callable[[dict[str, Any], object], None]:
    """Make a Lambda handler of a function that returns a custom resource's attributes."""

    def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
        status, reason, attributes = "SUCCESS", "", {}
        try:
            attributes = work(event)
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
        url, headers = event["ResponseURL"], {"content-type": ""}
        body = json.dumps(answer)
        urllib3.request("PUT", url, body=body, headers=headers, timeout=10.0, retries=3)

    return handler


def fill_secret(client: "SecretsManagerClient", arn: str) -> None:
    """Put a token into each of the secret's lists that has none."""
    for seconds in (*_SECONDS_UNTIL_NEXT_TRY, None):
        try:
            secret.add_missing_tokens(client, arn)
            return
        except ClientError as error:
            is_refused = error.response["Error"]["Code"] == "AccessDeniedException"
            if not is_refused or seconds is None:
                raise
            time.sleep(seconds)


def hashes_of(properties: dict[str, Any]) -> dict[str, str]:
    """Return a short hash of each property, as the resource's attributes."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
        for name, value in properties.items()
        if name not in ("ServiceToken", "ServiceTimeout")
    }
