"""What CloudFormation has done when a stack is created, changed or deleted."""

import json
from typing import Any

from local.event_files import TOKENS, event_files
from tests.handlers.conftest import API_KEY, Bridge

EVENTS = {file.name: file for file in event_files("fill_secret/*")}


def test_a_new_stack_gets_a_token_in_each_list_that_has_none(bridge: Bridge) -> None:
    bridge.put_secret(moengageTokens=["kept"], callbackTokens=[], lookUpTokens=None)

    reported = fill(bridge, "create")

    secret = secret_of(bridge)
    assert reported["Status"] == "SUCCESS"
    assert secret["moengageTokens"] == ["kept"]
    assert (len(secret["callbackTokens"]), len(secret["lookUpTokens"])) == (1, 1)
    assert (secret["eightx8ApiKey"], secret["fullNumberTokens"]) == (
        API_KEY,
        [TOKENS["fullNumberTokens"]],
    )
    assert secret["callbackTokens"][0] not in json.dumps(reported) + bridge.log.text


def test_cloudformation_hears_about_the_request_it_made(bridge: Bridge) -> None:
    reported = fill(bridge, "create")

    event = EVENTS["fill_secret/create"].event
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert reported[name] == event[name]
    [answer] = bridge.cloudformation.received
    # The URL is signed for a PUT with this very content type.
    assert answer.line == "PUT /answer?X-Amz-Signature=abc%2Fdef HTTP/1.1"
    assert answer.headers["content-type"] == ""


def test_the_same_secret_is_the_same_resource(bridge: Bridge) -> None:
    names = [
        fill(bridge, message_type)["PhysicalResourceId"] for message_type in ("create", "delete")
    ]

    assert names == [f"{bridge.secret_arn} tokens"] * 2


def test_deleting_the_stack_leaves_the_secret_alone(bridge: Bridge) -> None:
    bridge.put_secret(moengageTokens=[])
    before = secret_of(bridge)

    assert fill(bridge, "delete")["Status"] == "SUCCESS"
    assert secret_of(bridge) == before


def test_a_failure_is_told_and_not_left_to_time_out(bridge: Bridge) -> None:
    bridge.secretsmanager.put_secret_value(
        SecretId=bridge.secret_arn, SecretString=f"key {API_KEY}"
    )

    reported = fill(bridge, "create")

    assert reported["Status"] == "FAILED"
    assert reported["Reason"] == "JSONDecodeError: see this function's log"
    assert "JSONDecodeError" in bridge.log.text
    assert API_KEY not in bridge.log.text


def test_deleting_works_without_the_secret(bridge: Bridge) -> None:
    bridge.secretsmanager.delete_secret(SecretId=bridge.secret_arn, ForceDeleteWithoutRecovery=True)

    assert fill(bridge, "delete")["Status"] == "SUCCESS"


def fill(bridge: Bridge, message_type: str) -> dict[str, Any]:
    """Let the function do what CloudFormation asks, and return what CloudFormation hears."""
    url = f"{bridge.cloudformation.url}/answer?X-Amz-Signature=abc%2Fdef"
    event = EVENTS[f"fill_secret/{message_type}"].answered_at(url, bridge.secret_arn)
    bridge.handler("fill_secret")(event)
    reported: dict[str, Any] = bridge.cloudformation.bodies[-1]
    return reported


def secret_of(bridge: Bridge) -> dict[str, Any]:
    text = bridge.secretsmanager.get_secret_value(SecretId=bridge.secret_arn)["SecretString"]
    secret: dict[str, Any] = json.loads(text)
    return secret
