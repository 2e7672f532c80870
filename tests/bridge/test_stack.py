"""What the tool asks AWS, and what it makes of refusals."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from typer.testing import CliRunner

import bridge.app
from bridge.errors import BridgeError
from bridge.stack import Stack
from bridge.terminal import columns
from tests.fakes.aws import REGION
from tests.fakes.http_server import unreachable_url


def a_stack(**options: Any) -> Stack:
    return Stack("sms-bridge", region=REGION, **options)


def stub(stack: Stack, service: str) -> Stubber:
    """Return what a stack's client of a service answers with, and nothing else."""
    stubber = Stubber(stack.aws.client(service))  # type: ignore[call-overload]
    stubber.activate()
    return stubber


def described(name: str, **outputs: str) -> dict[str, Any]:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    at = "2026-11-24T09:30:00Z"
    status = {"CreationTime": at, "StackStatus": "CREATE_COMPLETE"}
    return {"StackName": name, **status, "Outputs": listed}


def list_resources(stack: Stack) -> None:
    """Let CloudFormation list the resources, on two pages, and those of a nested stack."""
    stubber = stub(stack, "cloudformation")
    for name, kind, token in (
        ("SendSms", "AWS::Lambda::Function", "next"),
        ("OutcomeQueue", "AWS::SQS::Queue", "last"),
        ("Observability", "AWS::CloudFormation::Stack", ""),
        ("Alarm", "AWS::CloudWatch::Alarm", "next"),
        # The stack's own comes before it.
        ("SendSms", "AWS::Logs::LogGroup", ""),
    ):
        summary = {
            "LogicalResourceId": name,
            "PhysicalResourceId": f"physical-{name}",
            "ResourceType": kind,
            "LastUpdatedTimestamp": "2026-11-24T09:30:00Z",
            "ResourceStatus": "CREATE_COMPLETE",
        }
        more = {"NextToken": token} if token else {}
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": [summary], **more})


def test_urls_are_those_of_the_stacks_outputs() -> None:
    stack = a_stack()
    url = "https://api.example.com/api/v1/subaccounts/A%26B/messages"
    found = described("sms-bridge", SendUrl=url)
    stub(stack, "cloudformation").add_response("describe_stacks", {"Stacks": [found]})

    assert stack.callback_url == "https://api.example.com/callbacks/8x8"
    assert stack.send_url("A&B") == "https://api.example.com/api/v1/subaccounts/A&B/messages"


def test_another_api_url_comes_before_them() -> None:
    stack = a_stack(api_url="http://127.0.0.1:1234/")

    assert stack.callback_url == "http://127.0.0.1:1234/callbacks/8x8"


def test_resources_come_from_all_pages_and_nested_stacks() -> None:
    stack = a_stack()
    list_resources(stack)

    assert stack.ids_of("AWS::Lambda::Function") == {"SendSms": "physical-SendSms"}
    assert stack.ids_of("AWS::CloudWatch::Alarm") == {"Alarm": "physical-Alarm"}
    assert stack.resource("OutcomeQueue") == "physical-OutcomeQueue"
    with pytest.raises(BridgeError, match="has no resource Nothing"):
        stack.resource("Nothing")


def test_8x8s_host_is_what_the_sending_function_calls() -> None:
    stack = a_stack()
    list_resources(stack)
    variables = {"EIGHTX8_BASE_URL": "https://sms.8x8.uk", "SUB_ACCOUNT_IDS": "A,B"}
    stub(stack, "lambda").add_response(
        "get_function_configuration",
        {"Environment": {"Variables": variables}},
        {"FunctionName": "physical-SendSms", "Qualifier": "live"},
    )

    assert stack.eightx8_url == "https://sms.8x8.uk"
    assert stack.sub_account_ids == ["A", "B"]


def test_a_stack_that_is_not_there_is_said_so() -> None:
    stack = a_stack()
    cloudformation = stub(stack, "cloudformation")
    cloudformation.add_client_error("describe_stacks", "ValidationError")
    others = [described("other-bridge", SendUrl="x"), described("website", Url="x")]
    cloudformation.add_response("describe_stacks", {"Stacks": others})

    with pytest.raises(BridgeError, match="there is no stack sms-bridge in region") as raised:
        stack.description  # noqa: B018

    assert raised.value.id == "stack-missing"
    assert raised.value.remedy.startswith("--stack other-bridge;")


def test_any_other_refusal_is_passed_on() -> None:
    stack = a_stack()
    stub(stack, "cloudformation").add_client_error("describe_stacks", "AccessDenied")

    with pytest.raises(ClientError):
        stack.description  # noqa: B018


def test_aws_out_of_reach_is_a_failure_in_one_line() -> None:
    environment = {
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ENDPOINT_URL": unreachable_url(),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    result = CliRunner().invoke(bridge.app.app, ["--region", REGION, "stats"], env=environment)

    assert result.exit_code == 1
    assert result.stderr.startswith("sms-bridge: AWS does not answer; see whether this machine")
    assert result.stderr.count("\n") == 1


def commands_of(group: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """Return the words of every command below a group."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *words, name)
        else:
            yield (*words, name)


COMMANDS = tuple(commands_of(typer.main.get_command(bridge.app.app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_text_and_takes_json(words: tuple[str, ...]) -> None:
    text = CliRunner().invoke(bridge.app.app, [*words, "--help"], env={"COLUMNS": "200"})

    assert text.exit_code == 0
    assert "--json" in text.output


def test_help_ends_with_examples_where_there_are_some() -> None:
    for name, examples in (("set", "Examples:\n    sms-bridge parameters set "), ("show", "")):
        text = CliRunner().invoke(bridge.app.app, ["parameters", name, "--help"]).output
        assert examples in text
        assert ("Examples:" in text) is bool(examples)


def test_columns_are_aligned_and_never_cut() -> None:
    assert columns([("a", "x" * 300), ("bbb", "")], ("One", "Two")) == [
        "One  Two",
        "a    " + "x" * 300,
        "bbb",
    ]
