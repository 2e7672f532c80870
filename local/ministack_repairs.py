"""Puts back what MiniStack 1.5.33 drops of a deployed stack.

Its CloudFormation keeps neither the routes of an HTTP API whose definition is in the resource's
`Body`, which is how SAM writes the events of an `AWS::Serverless::HttpApi`, nor the time to live
of a table. A number of an event source mapping that comes from a parameter stays a text, over which
its poller stumbles. All are read from the stack and made through the services' own APIs, which
work. What the emulator would deploy by itself one day is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local.aws import Aws
from local.deployment import physical_ids

INTEGRATION = "x-amazon-apigateway-integration"
FUNCTION_IN_URI = re.compile(r"functions/\$\{(\w+?)(?:\.Arn)?\}")


def repair(aws: Aws, stack_name: str) -> None:
    """Make the missing routes and times to live of a stack, and numbers of its texts."""
    # The emulator transforms the template as SAM's own service does, and returns the result.
    template: dict[str, Any] = json.loads(
        json.dumps(aws.cloudformation.get_template(StackName=stack_name)["TemplateBody"])
    )
    names = physical_ids(aws, stack_name)
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in properties:
            _routes(aws, names[logical_id], properties["Body"], names)
        if resource["Type"] == "AWS::DynamoDB::Table" and "TimeToLiveSpecification" in properties:
            attribute = properties["TimeToLiveSpecification"]["AttributeName"]
            _time_to_live(aws, names[logical_id], attribute)
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            _numbers(aws, names[logical_id], properties)


def _routes(aws: Aws, api_id: str, definition: Mapping[str, Any], names: Mapping[str, str]) -> None:
    existing = {route["RouteKey"] for route in aws.apigatewayv2.get_routes(ApiId=api_id)["Items"]}
    for path, operations in definition["paths"].items():
        for method, operation in operations.items():
            route_key = _route_key(path, method)
            if INTEGRATION not in operation or route_key in existing:
                continue
            integration = aws.apigatewayv2.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=_function_arn(aws, operation[INTEGRATION]["uri"], names),
                PayloadFormatVersion=operation[INTEGRATION]["payloadFormatVersion"],
            )
            aws.apigatewayv2.create_route(
                ApiId=api_id,
                RouteKey=route_key,
                Target=f"integrations/{integration['IntegrationId']}",
            )


def _route_key(path: str, method: str) -> str:
    if path.lstrip("/") == "$default":
        return "$default"
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    return f"{verb} {path}"


def _function_arn(aws: Aws, uri: object, names: Mapping[str, str]) -> str:
    # {"Fn::Sub": "arn:...:path/2015-03-31/functions/${LookUpMessage.Arn}/invocations"}, or the
    # alias of one: ${SendSmsAliaslive}
    found = FUNCTION_IN_URI.search(json.dumps(uri))
    if found is None:
        raise ValueError(f"an integration names no function: {uri}")
    name = names[found.group(1)]
    if name.startswith("arn:"):
        return name
    return aws.lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]


def _time_to_live(aws: Aws, table: str, attribute: str) -> None:
    now = aws.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if now.get("TimeToLiveStatus") == "DISABLED":
        aws.dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )


def _numbers(aws: Aws, mapping_id: str, properties: Mapping[str, Any]) -> None:
    most = properties.get("ScalingConfig", {}).get("MaximumConcurrency", 0)
    if isinstance(most, int):
        return
    # botocore reads the numbers as numbers, whatever the emulator answers.
    mapping = aws.lambda_.get_event_source_mapping(UUID=mapping_id)
    aws.lambda_.update_event_source_mapping(
        UUID=mapping_id,
        BatchSize=int(mapping["BatchSize"]),
        ScalingConfig={"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])},
    )
