"""CloudFormation's custom resources: what they do, and how CloudFormation is answered."""

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.exceptions import ClientError

from sms_bridge.observability import log_failure
from sms_bridge.storage import secret
from sms_bridge.storage.aws import error_code

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def answer(event: dict[str, Any], client: "SecretsManagerClient") -> None:
    """Do what is asked for, and answer: CloudFormation waits for that, whatever happens."""
    status, reason, attributes = "SUCCESS", "", {}
    try:
        if event["RequestType"] != "Delete":
            attributes = _create(event["ResourceType"], event["ResourceProperties"], client)
    except Exception as error:
        log_failure("custom resource failed", error)
        status, reason = "FAILED", f"{type(error).__name__}: see this function's log"
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event["LogicalResourceId"],
        "Data": attributes,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    url, headers = event["ResponseURL"], {"content-type": ""}
    urllib3.request("PUT", url, body=json.dumps(body), headers=headers, timeout=10.0, retries=3)


def _create(
    resource_type: str, properties: dict[str, Any], client: "SecretsManagerClient"
) -> dict[str, str]:
    """Create or update a resource, and return its attributes: of settings, a hash of each."""
    if resource_type == "Custom::Settings":
        return {
            name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
            for name, value in properties.items()
        }
    # A role that was just made may be refused for half a minute.
    for seconds in (2, 4, 8, 16, 24, None):
        try:
            secret.add_missing_tokens(client, properties["SecretArn"])
            break
        except ClientError as error:
            if error_code(error) != "AccessDeniedException" or seconds is None:
                raise
            time.sleep(seconds)
    return {}
