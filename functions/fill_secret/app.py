"""Custom resource: puts generated tokens into the secret of a new stack."""

import json
from typing import Any

import urllib3

from sms_bridge.observability import log_failure
from sms_bridge.storage.aws import boto3_client
from sms_bridge.storage.secret import add_missing_tokens

secretsmanager = boto3_client("secretsmanager")
http = urllib3.PoolManager(timeout=10.0, retries=3)


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Fill the secret and tell CloudFormation how that went."""
    secret_arn = event["ResourceProperties"]["SecretArn"]
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] != "Delete":
            add_missing_tokens(secretsmanager, secret_arn)
    except Exception as error:
        # CloudFormation waits for an answer, whatever happens.
        log_failure("tokens not generated", error)
        status, reason = "FAILED", f"{type(error).__name__}: see this function's log"
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": f"{secret_arn} tokens",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    http.request("PUT", event["ResponseURL"], body=json.dumps(answer), headers={"content-type": ""})
