"""What the functions call of AWS, against what their roles allow.

No emulator looks at roles: an action that is missing would show on AWS alone.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from local.event_files import EventFile, event_files, put_messages
from scripts.role_table import allowed
from sms_bridge.services import forward, send
from tests.fakes.aws import TABLE
from tests.fakes.http_server import Behaviour, answers
from tests.handlers.conftest import HASH_KEY, Bridge, good_8x8
from tests.template.conftest import read_template

FUNCTIONS = sorted({file.function for file in event_files()})

# What Lambda itself needs, to read the queue for the function and to write its log.
FOR_LAMBDA = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}

ACTIONS = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "SendMessageBatch": "SendMessage",
}
"""The actions that are not named as the calls they allow."""

MOMENTS: tuple[tuple[Behaviour, Behaviour], ...] = (
    (good_8x8, answers(200)),
    (answers(429, Retry_After="600"), answers(500)),
    (answers(401), answers(404)),
    (answers(400), answers(404)),
)
"""How 8x8 and MoEngage answer at one time or another."""

Call = tuple[str, str]
"""An action, and the resource by its name in the template."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_allows_what_the_function_calls_and_nothing_else(
    function: str, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = event_files(f"{function}/*")

    calls = called(bridge, function, files, monkeypatch)

    actions_on = allowed(read_template().content, files[0].logical_id)
    assert calls == {
        (action, resource)
        for resource, actions in actions_on.items()
        for action in actions - FOR_LAMBDA
    }


def called(
    bridge: Bridge, function: str, files: list[EventFile], monkeypatch: pytest.MonkeyPatch
) -> set[Call]:
    """Let a function take its events, and the services have good and bad moments meanwhile."""
    # A repeat waits so long for the first one's sender.
    monkeypatch.setattr(send, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(forward, "FAILURES_THAT_OPEN", 1)
    calls: set[Call] = set()
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def record(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        action = action_of(operation, parameters)
        calls.update((f"{service}:{action}", one) for one in resources_of(bridge, parameters))
        return original(client, operation, parameters)

    if function == "fill_secret":
        bridge.put_secret(lookUpTokens=[])
    for eightx8, moengage in MOMENTS:
        bridge.eightx8.behaviour, bridge.moengage.behaviour = eightx8, moengage
        for key in bridge.items():
            bridge.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": key}})
        for file in files:
            put_messages(bridge.messages, file.event, hash_key=HASH_KEY)
        with monkeypatch.context() as recording:
            recording.setattr(BaseClient, "_make_api_call", record)
            handler = bridge.handler(function)
            # Twice: a repeat may need more than the first.
            for file in [*files, *files]:
                handler(bridge.event_of(file))
    return calls


def action_of(operation: str, parameters: dict[str, Any]) -> str:
    """Return the action that a call needs; PartiQL has one for each kind of statement."""
    if operation != "BatchExecuteStatement":
        return ACTIONS.get(operation, operation)
    [kind] = {one["Statement"].partition(" ")[0] for one in parameters["Statements"]}
    return f"PartiQL{kind.capitalize()}"


def resources_of(bridge: Bridge, parameters: dict[str, Any]) -> Iterator[str]:
    if "SecretId" in parameters:
        yield "BridgeSecret"
    elif "Statements" in parameters:
        for one in parameters["Statements"]:
            assert f' "{TABLE}" ' in one["Statement"]
        yield "MessagesTable"
    elif "QueueUrl" in parameters:
        names = {url: url.rpartition("/")[2] for url in bridge.queue_urls.values()}
        yield names[parameters["QueueUrl"]].removeprefix("sms-bridge-")
    else:
        for table in parameters.get("RequestItems") or [parameters["TableName"]]:
            assert table == TABLE
            index = parameters.get("IndexName")
            yield f"MessagesTable/index/{index}" if index else "MessagesTable"
