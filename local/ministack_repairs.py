"""Puts back what MiniStack 1.5.33 drops of a deployed stack.

Its CloudFormation keeps neither the routes of an HTTP API whose definition is in the resource's
`Body`, which is how SAM writes the events of an `AWS::Serverless::HttpApi`, nor the time to live
of a table. Both are read from the stack's processed template and made through the services' own
APIs, which work. What the emulator would deploy by itself one day is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import Aws

INTEGRATION = "x-amazon-apigateway-integration"
FUNCTION_IN_URI = re.compile(r"\$\{(\w+)\.Arn\}")


def repair(aws: Aws, stack_name: str) -> list[str]:
    """Make the missing routes and times to live of a stack.

    Returns
    -------
    list of str
        What was put back, for the log.
    """
    # The emulator transforms the template as SAM's own service does, and tells the result.
    template: dict[str, Any] = json.loads(
        json.dumps(aws.cloudformation.get_template(StackName=stack_name)["TemplateBody"])
    )
    resources = aws.cloudformation.describe_stack_resources(StackName=stack_name)
    physical_ids = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources["StackResources"]
        if "PhysicalResourceId" in resource
    }
    done: list[str] = []
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in properties:
            done += _routes(aws, physical_ids[logical_id], properties["Body"], physical_ids)
        if resource["Type"] == "AWS::DynamoDB::Table" and "TimeToLiveSpecification" in properties:
            attribute = properties["TimeToLiveSpecification"]["AttributeName"]
            done += _time_to_live(aws, physical_ids[logical_id], attribute)
    return done


def _routes(
    aws: Aws, api_id: str, definition: Mapping[str, Any], physical_ids: Mapping[str, str]
) -> Iterator[str]:
    existing = {route["RouteKey"] for route in aws.apigatewayv2.get_routes(ApiId=api_id)["Items"]}
    for path, operations in definition["paths"].items():
        for method, operation in operations.items():
            route_key = _route_key(path, method)
            if INTEGRATION not in operation or route_key in existing:
                continue
            integration = aws.apigatewayv2.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=_function_arn(aws, operation[INTEGRATION]["uri"], physical_ids),
                PayloadFormatVersion=operation[INTEGRATION]["payloadFormatVersion"],
            )
            aws.apigatewayv2.create_route(
                ApiId=api_id,
                RouteKey=route_key,
                Target=f"integrations/{integration['IntegrationId']}",
            )
            yield f"route {route_key}"


def _route_key(path: str, method: str) -> str:
    if path == "/$default":
        return "$default"
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    return f"{verb} {path}"


def _function_arn(aws: Aws, uri: object, physical_ids: Mapping[str, str]) -> str:
    # {"Fn::Sub": "arn:...:path/2015-03-31/functions/${SendSms.Arn}/invocations"}
    found = FUNCTION_IN_URI.search(json.dumps(uri))
    if found is None:
        raise ValueError(f"an integration names no function: {uri}")
    name = physical_ids[found.group(1)]
    return aws.lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]


def _time_to_live(aws: Aws, table: str, attribute: str) -> Iterator[str]:
    now = aws.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if now.get("TimeToLiveStatus") == "DISABLED":
        aws.dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )
        yield f"time to live of {table}"
