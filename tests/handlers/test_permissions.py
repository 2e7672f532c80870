"""What the functions call of AWS, against what their roles allow.

No emulator looks at roles: an action that is missing would show on AWS alone.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import botocore.client
import pytest

from local.event_files import EventFile, event_files, put_messages
from tests.handlers.conftest import ENVIRONMENT, Bridge
from tests.template.conftest import read_template

FUNCTIONS = sorted({file.function for file in event_files()})

# A transaction needs the permissions for what is in it.
TRANSACTION = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem"}

# What Lambda itself needs, to read the queue for the function and to write its log and traces.
FOR_LAMBDA = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}

Call = tuple[str, str]
"""An action, and the resource by its name in the template."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_allows_what_the_function_calls_and_nothing_else(
    function: str, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = event_files(f"{function}/*")
    for file in files:
        put_messages(bridge.messages, file.event)

    calls = called(bridge, function, files, monkeypatch)

    allowed = {
        (action, resource)
        for resource, actions in read_template().allowed(files[0].logical_id).items()
        for action in actions - FOR_LAMBDA
    }
    assert calls == allowed


def called(
    bridge: Bridge, function: str, files: list[EventFile], monkeypatch: pytest.MonkeyPatch
) -> set[Call]:
    """Let a function take its events, and the services have good and bad moments meanwhile."""
    calls: set[Call] = set()
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.update(calls_of(client.meta.service_model.service_name, operation, parameters))
        return original(client, operation, parameters)

    bridge.eightx8.answer = in_turn([(200, {}, '{"status": {"code": "REJECTED"}}'), (401, {}, "")])
    bridge.moengage.answer = in_turn([(500, {}, ""), (404, {}, ""), (200, {}, "")])
    if function == "fill_secret":
        bridge.put_secret(lookUpTokens=[])
    handler = bridge.handler(function)
    with monkeypatch.context() as recording:
        recording.setattr(botocore.client.BaseClient, "_make_api_call", record)
        for file in [*files, *files]:
            event = file.event
            if function == "fill_secret":
                event = file.answered_at(bridge.cloudformation.url, bridge.secret_arn)
            handler(event, None)
    return calls


def in_turn(answers: list[Any]) -> Any:
    turn = itertools.cycle(answers)
    return lambda _: next(turn)


def calls_of(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[Call]:
    if operation == "TransactWriteItems":
        for item in parameters["TransactItems"]:
            for kind, content in item.items():
                yield TRANSACTION[kind], resource_of(content)
    else:
        yield f"{service}:{operation}", resource_of(parameters)


def resource_of(parameters: dict[str, Any]) -> str:
    if "SecretId" in parameters:
        return "BridgeSecret"
    if "TableName" in parameters:
        assert parameters["TableName"] == ENVIRONMENT["SendSms"]["MESSAGES_TABLE"]
        return "MessagesTable"
    name: str = parameters["QueueUrl"].rpartition("/")[2]
    return name.removeprefix("sms-bridge-")
