"""What CloudFormation has done when a stack is created, changed or deleted."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.event_files import TOKENS, event_files
from sms_bridge.storage import secret as secret_module
from sms_bridge.storage.secret import add_missing_tokens
from tests.handlers.conftest import API_KEY, Bridge

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

EVENTS = {file.name: file for file in event_files("fill_secret/*")}


def test_a_new_stack_gets_a_token_in_each_list_that_has_none(bridge: Bridge) -> None:
    bridge.put_secret(moengageTokens=["kept-token-000001"], callbackTokens=[], lookUpTokens=None)

    reported = fill(bridge, "create")

    secret = secret_of(bridge)
    assert reported["Status"] == "SUCCESS"
    assert secret["moengageTokens"] == ["kept-token-000001"]
    assert (len(secret["callbackTokens"]), len(secret["lookUpTokens"])) == (1, 1)
    assert (secret["eightx8ApiKey"], secret["fullNumberTokens"]) == (
        API_KEY,
        [TOKENS["fullNumberTokens"]],
    )
    assert secret["callbackTokens"][0] not in json.dumps(reported) + bridge.log.text


def test_cloudformation_is_answered_about_the_request_it_made(bridge: Bridge) -> None:
    reported = fill(bridge, "create")

    event = EVENTS["fill_secret/create"].event
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert reported[name] == event[name]
    [answer] = bridge.cloudformation.received
    # The URL is signed for a PUT with this very content type.
    assert answer.line == "PUT /answer?X-Amz-Signature=abc%2Fdef HTTP/1.1"
    assert answer.headers["content-type"] == ""


def test_the_same_secret_is_the_same_resource(bridge: Bridge) -> None:
    names = [fill(bridge, name)["PhysicalResourceId"] for name in ("create", "delete")]

    assert names == ["SecretTokens"] * 2


def test_a_failure_is_answered_and_not_left_to_time_out(bridge: Bridge) -> None:
    bridge.secretsmanager.put_secret_value(
        SecretId=bridge.secret_arn, SecretString=f"key {API_KEY}"
    )

    reported = fill(bridge, "create")

    assert reported["Status"] == "FAILED"
    assert reported["Reason"] == "InvalidSecretError: see this function's log"
    assert "InvalidSecretError" in bridge.log.text
    assert API_KEY not in bridge.log.text


def test_deleting_works_without_the_secret(bridge: Bridge) -> None:
    bridge.secretsmanager.delete_secret(SecretId=bridge.secret_arn, ForceDeleteWithoutRecovery=True)

    assert fill(bridge, "delete")["Status"] == "SUCCESS"


@pytest.mark.parametrize(("refusals", "status"), [(5, "SUCCESS"), (6, "FAILED")])
def test_a_role_that_is_not_known_everywhere_yet_is_waited_for(
    refusals: int, status: str, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, waited = list[str](), list[float]()

    def refused_at_first(client: "SecretsManagerClient", arn: str) -> list[str]:
        asked.append(arn)
        if len(asked) <= refusals:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")
        return add_missing_tokens(client, arn)

    monkeypatch.setattr(secret_module, "add_missing_tokens", refused_at_first)
    monkeypatch.setattr("time.sleep", waited.append)

    assert fill(bridge, "create")["Status"] == status
    assert len(waited) == 5
    # All waits end before the function's own time does.
    assert 30 < sum(waited) < 60


def test_what_changed_of_the_settings_has_another_hash_and_nothing_else(bridge: Bridge) -> None:
    before = fill(bridge, "settings")
    after = fill(bridge, "settings", SendSms=[[{"MONITORING": "full"}]])

    assert before["Data"]["SendSms"] != after["Data"]["SendSms"]
    assert before["Data"]["ForwardOutcome"] == after["Data"]["ForwardOutcome"]
    assert before["PhysicalResourceId"] == after["PhysicalResourceId"] == "Settings"


def fill(bridge: Bridge, name: str, **properties: Any) -> dict[str, Any]:
    """Let the function do what CloudFormation asks, and return what CloudFormation hears."""
    url = f"{bridge.cloudformation.url}/answer?X-Amz-Signature=abc%2Fdef"
    event = EVENTS[f"fill_secret/{name}"].answered_at(url, bridge.secret_arn)
    event["ResourceProperties"] |= properties
    bridge.handler("fill_secret")(event)
    reported: dict[str, Any] = bridge.cloudformation.bodies[-1]
    return reported


def secret_of(bridge: Bridge) -> dict[str, Any]:
    text = bridge.secretsmanager.get_secret_value(SecretId=bridge.secret_arn)["SecretString"]
    secret: dict[str, Any] = json.loads(text)
    return secret
