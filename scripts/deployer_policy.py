"""`make deployer-policy`: writes docs/deployer-policy.json, what a deployer may need to do.

The actions are those that CloudFormation's own resource types name for the types that SAM makes of
the templates, for creating, reading, changing and deleting them, and those of `make deploy` itself.
"""

from __future__ import annotations

import json
import os
import subprocess  # nosec B404
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
POLICY = PROJECT / "docs/deployer-policy.json"

TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
types = set()
for path in sys.argv[2:]:
    template = yaml_parse(open(path).read())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & set(properties):
            properties[name] = "s3://bucket/key"
        if "Location" in properties:
            properties["Location"] = "https://bucket.s3.amazonaws.com/key"
    parameters = {"DeploymentPreference": "Canary10Percent5Minutes", "SubAccountIds": "a"}
    translated = Translator({}, Parser()).translate(template, parameters)
    types |= {one["Type"] for one in translated["Resources"].values()}
json.dump(sorted(types), sys.stdout)
"""
"""Run by SAM CLI's own interpreter, which has the translator."""

OF_MAKE_DEPLOY = {
    *("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"),
    *("cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents"),
    *("cloudformation:DescribeStackResources", "cloudformation:ExecuteChangeSet"),
    *("cloudformation:GetTemplate", "cloudformation:GetTemplateSummary"),
    *("cloudformation:ListStackResources", "cloudformation:ValidateTemplate"),
    # SAM's bucket for what is deployed, and the topic that alarms go to.
    *("s3:CreateBucket", "s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:GetObject"),
    *(
        "s3:ListBucket",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
    ),
    *("s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutObject"),
    *("sns:CreateTopic", "sns:GetTopicAttributes", "sns:Subscribe"),
}

SERVICES = {
    *(
        "apigateway",
        "cloudformation",
        "cloudwatch",
        "codedeploy",
        "dynamodb",
        "ec2",
        "events",
        "iam",
    ),
    *("lambda", "logs", "route53", "s3", "secretsmanager", "sns", "sqs"),
}
"""Those that the templates use. The types name others, for properties that the templates lack."""

NOT_NEEDED = {
    # Tables that are imported, replicated or streamed to Kinesis.
    *("dynamodb:AssociateTableReplica", "dynamodb:BatchWriteItem", "dynamodb:CreateTableReplica"),
    *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:ImportTable", "dynamodb:PutItem"),
    *("dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"),
    *("dynamodb:DisableKinesisStreamingDestination", "dynamodb:EnableKinesisStreamingDestination"),
    "dynamodb:UpdateKinesisStreamingDestination",
    # Functions with capacity of their own, log groups and secrets with options that none has.
    *("lambda:DeleteProvisionedConcurrencyConfig", "lambda:PassCapacityProvider"),
    *("lambda:PutFunctionScalingConfig", "lambda:PutProvisionedConcurrencyConfig"),
    *("logs:AssociateKmsKey", "logs:CreateLogStream", "logs:DeleteDataProtectionPolicy"),
    *("logs:DeleteIndexPolicy", "logs:DisassociateKmsKey", "logs:PutBearerTokenAuthentication"),
    *("logs:PutDataProtectionPolicy", "logs:PutIndexPolicy", "logs:PutLogEvents"),
    *("secretsmanager:RemoveRegionsFromReplication", "secretsmanager:ReplicateSecretToRegions"),
    "codedeploy:RegisterOnPremisesInstance",
    # No actions of IAM, or a second spelling.
    *("s3:GetObjectMetadata", "s3:REST.PUT.OBJECT", "s3:getObject"),
}


def translated_types() -> list[str]:
    """Return the types of the resources that SAM makes of the templates."""
    interpreter = PROJECT / ".venv/sam/bin/python"
    paths = [str(PROJECT / name) for name in ("template.yaml", "observability.yaml")]
    said = subprocess.run(  # noqa: S603 - no shell  # nosec B603
        [str(interpreter), "-c", TRANSLATE, "-", *paths],
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    types: list[str] = json.loads(said.stdout)
    return types


def actions_for(types: Iterable[str]) -> set[str]:
    """Return the actions that CloudFormation takes in the deployer's name for resource types."""
    wanted = set(types)
    actions = set()
    for path in files("cfnlint.data.schemas.resources").iterdir():
        if not path.name.endswith(".json"):
            continue
        schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if schema.get("typeName") in wanted:
            for name, handler in schema.get("handlers", {}).items():
                if name != "list":
                    actions |= set(handler["permissions"])
    return actions


def policy() -> dict[str, Any]:
    """Return the policy."""
    needed = (actions_for(translated_types()) | OF_MAKE_DEPLOY) - NOT_NEEDED
    actions = sorted(one for one in needed if one.partition(":")[0] in SERVICES)
    roles = [one for one in actions if one.startswith("iam:") and "Role" in one]
    others = [one for one in actions if not one.startswith("iam:")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Stack", "Effect": "Allow", "Action": others, "Resource": "*"},
            {
                "Sid": "Roles",
                "Effect": "Allow",
                "Action": roles,
                "Resource": "arn:aws:iam::*:role/*",
            },
        ],
    }


def main() -> None:
    """Write the policy."""
    POLICY.write_text(json.dumps(policy(), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
