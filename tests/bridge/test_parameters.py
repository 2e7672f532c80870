"""`sms-bridge parameters`: parameters are changed with the stack's own template."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import WaiterError
from typer.testing import CliRunner, Result

import bridge.app
from bridge.parameters import Change, in_a_sentence
from bridge.stack import Stack
from sms_bridge.settings import unescaped

CONNECTOR = "a1b2c3d4e5f6"


@dataclass
class CloudFormation:
    """CloudFormation with one stack, as far as change sets go; any change is one of a function."""

    parameters: dict[str, str]
    refusal: str = ""
    """Why a plan is refused."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What an update fails of, the newest first."""
    planned: dict[str, dict[str, str]] = field(default_factory=dict)

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        parameters = [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in self.parameters.items()
        ]
        stack = {"StackName": StackName, "Parameters": parameters}
        return {"Stacks": [{**stack, "Capabilities": ["CAPABILITY_IAM"]}]}

    def create_change_set(
        self, *, ChangeSetName: str, Parameters: list[dict[str, Any]], **how: Any
    ) -> None:
        assert how == {
            "StackName": "sms-bridge",
            "ChangeSetType": "UPDATE",
            "UsePreviousTemplate": True,
            "Capabilities": ["CAPABILITY_IAM"],
        }
        # What is not named gets the template's default.
        self.planned[ChangeSetName] = {
            one["ParameterKey"]: self.parameters[one["ParameterKey"]]
            if one.get("UsePreviousValue")
            else one["ParameterValue"]
            for one in Parameters
        }

    def describe_change_set(self, *, ChangeSetName: str, **_: str) -> dict[str, Any]:
        change = {
            "Action": "Modify",
            "LogicalResourceId": "ForwardOutcome",
            "ResourceType": "AWS::Lambda::Function",
            "Replacement": "False",
        }
        is_one = self.planned[ChangeSetName] != self.parameters
        return {"CreationTime": 100, "Changes": [{"ResourceChange": change}] * is_one}

    def get_paginator(self, name: str) -> Any:
        assert name == "describe_change_set"

        def paginate(**which: str) -> Any:
            return SimpleNamespace(
                search=lambda what: jmespath.search(what, self.describe_change_set(**which))
            )

        return SimpleNamespace(paginate=paginate)

    def execute_change_set(self, *, ChangeSetName: str, **_: str) -> None:
        values = self.planned.pop(ChangeSetName)
        if not self.failures:
            self.parameters = values

    def delete_change_set(self, *, ChangeSetName: str, **_: str) -> None:
        del self.planned[ChangeSetName]

    def describe_stack_events(self, *, StackName: str) -> dict[str, Any]:
        failed = {"StackName": StackName, "Timestamp": 101, "ResourceStatus": "UPDATE_FAILED"}
        events: list[dict[str, Any]] = [
            {**failed, "LogicalResourceId": name, "ResourceStatusReason": why}
            for name, why in self.failures
        ]
        older = {"Timestamp": 99, "LogicalResourceId": "Old", "ResourceStatus": "CREATE_FAILED"}
        return {"StackEvents": [*events, older]}

    def get_waiter(self, name: str) -> Any:
        def wait(*, WaiterConfig: dict[str, int], **which: str) -> None:
            assert WaiterConfig["Delay"] * WaiterConfig["MaxAttempts"] <= 3600
            reason = "UPDATE_ROLLBACK_COMPLETE" if self.failures else ""
            if name == "change_set_create_complete":
                reason = self.refusal
                if not self.describe_change_set(**which)["Changes"]:
                    reason = "The submitted information didn't contain changes. Submit different"
            else:
                assert which == {"StackName": "sms-bridge"}
            if reason:
                raise WaiterError(name, "it ended badly", {"StatusReason": reason})

        return SimpleNamespace(wait=wait)


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> CloudFormation:
    """An account with the stack."""
    monkeypatch.setenv("COLUMNS", "200")
    empty = dict.fromkeys(("MoEngageConnectorId", "MoEngageBaseUrl", "OptOutReply"), "")
    fake = CloudFormation({**empty, "ReceiptTimeoutSeconds": "172800", "Arch": "arm64"})
    monkeypatch.setattr(Stack, "aws", SimpleNamespace(client=lambda _: fake))
    monkeypatch.setattr(Stack, "drift", lambda _: [])
    return fake


def parameters(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(bridge.app.app, ["parameters", *words], input=typed)


def test_a_parameter_is_changed_and_the_others_keep_their_values(
    cloudformation: CloudFormation,
) -> None:
    result = parameters("set", f"MoEngageConnectorId={CONNECTOR}", "--yes", "--json")

    assert result.exit_code == 0, result.output
    assert cloudformation.parameters["MoEngageConnectorId"] == CONNECTOR
    assert cloudformation.parameters["ReceiptTimeoutSeconds"] == "172800"
    found = json.loads(result.stdout)
    assert found["changed"] is True
    [change] = found["changes"]
    assert (change["action"], change["resource"]) == ("Modify", "ForwardOutcome")


def test_what_would_change_is_shown_and_a_no_leaves_everything(
    cloudformation: CloudFormation,
) -> None:
    result = parameters("set", f"MoEngageConnectorId={CONNECTOR}", typed="n\n")

    assert result.exit_code == 1
    assert "MoEngageConnectorId: (empty) -> a1b2..." in result.output
    assert "No URL changes; ForwardOutcome get a new version." in result.output
    assert cloudformation.parameters["MoEngageConnectorId"] == ""
    assert cloudformation.planned == {}

    assert parameters("set", "ReceiptTimeoutSeconds=3600", typed="y\n").exit_code == 0
    assert cloudformation.parameters["ReceiptTimeoutSeconds"] == "3600"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("You are out.", "You are out."),
        ("Вы вышли", r"\u0412\u044b \u0432\u044b\u0448\u043b\u0438"),
        ("Adiós 🙂", r"Adi\u00f3s \ud83d\ude42"),
        (r"Adi\u00f3s", r"Adi\u00f3s"),
    ],
)
def test_words_for_people_reach_cloudformation_in_ascii_and_functions_as_they_are(
    text: str, written: str, cloudformation: CloudFormation
) -> None:
    assert parameters("set", f"OptOutReply={text}", "--yes").exit_code == 0

    assert cloudformation.parameters["OptOutReply"] == written
    assert unescaped(written) == unescaped(text)


@pytest.mark.usefixtures("cloudformation")
@pytest.mark.parametrize(
    ("assignment", "hint"),
    [
        ("MoEngageConectorId=x", "did you mean MoEngageConnectorId?"),
        ("Nothing=x", "bridge parameters show"),
        ("MoEngageConnectorId", "MoEngageConnectorId=VALUE"),
        ("Arch=x86_64", "make deploy"),
    ],
)
def test_what_cannot_be_set_is_a_wrong_use(assignment: str, hint: str) -> None:
    result = parameters("set", assignment, "--yes")

    assert result.exit_code == 2
    assert hint in result.stderr


@pytest.mark.usefixtures("cloudformation")
def test_the_connector_shows_whole_only_when_asked_for() -> None:
    parameters("set", f"MoEngageConnectorId={CONNECTOR}", "--yes")

    shown = json.loads(parameters("show", "--json").stdout)
    assert shown["MoEngageConnectorId"] == "a1b2..."
    assert shown["ReceiptTimeoutSeconds"] == "172800"
    assert CONNECTOR not in parameters("show").output
    assert CONNECTOR in parameters("show", "--show-connector").output


# --------------------------------------------------------------- what CloudFormation may answer
def test_values_that_are_there_already_change_nothing(cloudformation: CloudFormation) -> None:
    result = parameters("set", "ReceiptTimeoutSeconds=172800")

    assert result.exit_code == 0
    assert result.output == "Nothing was to be changed.\n"
    assert cloudformation.planned == {}


@pytest.mark.usefixtures("cloudformation")
def test_values_that_run_otherwise_than_the_stack_says_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stack, "drift", lambda _: [("SendSms", "DISPATCH_MODE")])

    result = parameters("set", "ReceiptTimeoutSeconds=172800")

    assert "changed by hand: SendSms (DISPATCH_MODE)" in result.output


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([("AWS::Lambda::Function", "")], "No URL changes; A get a new version."),
        (
            [("AWS::ApiGatewayV2::DomainName", "True")],
            "URLs change, so MoEngage and 8x8 need the new ones.",
        ),
        (
            [("AWS::DynamoDB::Table", "Conditional"), ("AWS::SQS::Queue", "False")],
            "No URL changes; A may be made anew; 1 other resources are changed in place.",
        ),
    ],
)
def test_what_changes_is_said_in_one_sentence(
    changes: list[tuple[str, str]], sentence: str
) -> None:
    listed = [
        Change("Modify", name, kind, replaced)
        for name, (kind, replaced) in zip("AB", changes, strict=False)
    ]

    assert in_a_sentence(listed) == sentence


def test_a_plan_that_is_refused_says_why(cloudformation: CloudFormation) -> None:
    cloudformation.refusal = "not authorized to pass the role"

    result = parameters("set", "ReceiptTimeoutSeconds=3600", "--yes")

    assert result.exit_code == 1
    assert result.stderr.endswith("refuses the change: not authorized to pass the role\n")
    assert cloudformation.planned == {}


def test_an_update_that_fails_names_the_first_cause(cloudformation: CloudFormation) -> None:
    cloudformation.failures = [
        ("Reconcile", "Resource update cancelled"),
        ("OutcomeQueue", "no permission"),
    ]

    result = parameters("set", "ReceiptTimeoutSeconds=3600", "--yes")

    assert result.exit_code == 1
    assert result.stderr.endswith("is rolled back: OutcomeQueue: no permission\n")
