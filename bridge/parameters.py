"""`sms-bridge parameters`: the stack's parameters, and how to change one without deploying anew."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import uuid4

from botocore.exceptions import WaiterError
from typer import Abort, Argument, BadParameter, Option

from bridge.errors import BridgeError
from bridge.options import Yes
from bridge.stack import Stack
from bridge.terminal import columns, confirm, say, say_result, waiting

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import WaiterConfigTypeDef

# Words for people, in any language.
_TEXTS = (
    *("OptOutKeywords", "OptInKeywords", "HelpKeywords"),
    *("OptOutReply", "OptInReply", "HelpReply"),
)
_FUNCTION, _VERSION = "AWS::Lambda::Function", "AWS::Lambda::Version"
# What callers outside have been given the address of.
_WITH_A_URL = ("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::DomainName")
_UNTIL_PLANNED: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 300}
_UNTIL_DONE: "WaiterConfigTypeDef" = {"Delay": 2, "MaxAttempts": 1800}
_NOTHING_TO_CHANGE = ("didn't contain changes", "No updates are to be performed")


def show(
    stack: Stack,
    show_connector: Annotated[
        bool, Option("--show-connector", help="Show MoEngage's connector id whole.")
    ] = False,
) -> None:
    """Show each parameter and its value. The parameters' document says what they are for."""
    values = {
        name: value if show_connector else _masked(name, value)
        for name, value in stack.parameters.items()
    }
    lines = columns(sorted(values.items()))
    if any("??" in value for value in values.values()):
        lines.append(
            "CloudFormation shows characters beyond ASCII as question marks; they are kept."
        )
    say_result(values, *lines)


def set_parameters(
    stack: Stack,
    assignments: Annotated[
        list[str], Argument(metavar="NAME=VALUE...", help="Parameters and their new values.")
    ],
    yes: Yes = False,
) -> None:
    """Change parameters of the running stack: template, code and all other values stay.

    Says what CloudFormation would change and asks. No message is lost meanwhile.
    """
    values = dict(_read(one, stack.parameters) for one in assignments)
    change_set = f"sms-bridge-{uuid4()}"
    with waiting("Asking CloudFormation what would change"):
        changes = _plan(stack, change_set, values)
    drifted: list[str] = []
    if changes:
        for name in values:
            was, will_be = (
                _masked(name, one[name]) or "(empty)" for one in (stack.parameters, values)
            )
            say(f"{name}: {was} -> {will_be}")
        headings = ("CloudFormation", "Resource", "Type", "Replaced")
        say("", *columns(changes, headings), "", in_a_sentence(changes))
        try:
            confirm("Change it?", yes=yes)
        except Abort:
            stack.aws.client("cloudformation").delete_change_set(
                StackName=stack.name, ChangeSetName=change_set
            )
            raise
        with waiting(f"CloudFormation changes {len(changes)} resources; a minute or two"):
            _make(stack, change_set)
        lines = [f"Changed {', '.join(values)}. To see how things stand: sms-bridge doctor"]
    else:
        lines = ["Nothing was to be changed."]
        drifted = sorted({f"{function} ({name})" for function, name in stack.drift()})
    if drifted:
        lines.append(
            "But functions run with other values than the stack's, changed by hand: "
            f"{', '.join(drifted)}. make deploy brings the stack's back."
        )
    facts = {"changes": [one._asdict() for one in changes], "drift": drifted}
    say_result({"changed": bool(changes), **facts}, *lines)


def _read(assignment: str, known: Mapping[str, str]) -> tuple[str, str]:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise BadParameter(f"{name} needs a value: {name}=VALUE")
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ": sms-bridge parameters show"
        raise BadParameter(f"the stack has no parameter {name}{hint}")
    if name == "Arch":  # what was built is for one processor only
        raise BadParameter(f"{name} needs the functions to be built anew: make deploy")
    value = value.strip()
    return name, escaped(value) if name in _TEXTS else value


def escaped(text: str) -> str:
    """Return a text in ASCII, as the functions read it: CloudFormation shows nothing else."""
    return "".join(one if one.isascii() else json.dumps(one).strip('"') for one in text)


def _masked(name: str, value: str) -> str:
    # Whoever knows it can report outcomes to MoEngage, which asks for nothing else.
    return f"{value[:4]}..." if name == "MoEngageConnectorId" and value else value


class Change(NamedTuple):
    """What would happen to one of the stack's resources, in CloudFormation's words."""

    action: str
    resource: str
    type: str
    replacement: str
    """Whether the resource would be made anew: True, False, Conditional, or empty."""


def _plan(stack: Stack, change_set: str, values: Mapping[str, str]) -> list[Change]:
    """Have CloudFormation check the values and say what would change; empty for nothing.

    The change set has the template that runs, so nothing else is changed, and every parameter that
    is not named keeps its value.
    """
    client = stack.aws.client("cloudformation")
    client.create_change_set(
        StackName=stack.name,
        ChangeSetName=change_set,
        ChangeSetType="UPDATE",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": values[name]}
            if name in values
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in stack.parameters
        ],
        # What was agreed to when the template was deployed, and no more.
        Capabilities=stack.description.get("Capabilities", []),
    )
    try:
        client.get_waiter("change_set_create_complete").wait(
            StackName=stack.name, ChangeSetName=change_set, WaiterConfig=_UNTIL_PLANNED
        )
    except WaiterError as error:
        client.delete_change_set(StackName=stack.name, ChangeSetName=change_set)
        reason = str(error.last_response.get("StatusReason", "it was not done in time"))
        if any(words in reason for words in _NOTHING_TO_CHANGE):
            return []
        raise BridgeError(f"CloudFormation refuses the change: {reason}") from None
    what = "Changes[].ResourceChange.[Action, LogicalResourceId, ResourceType, Replacement]"
    found = stack.listed(
        "cloudformation",
        "describe_change_set",
        what,
        StackName=stack.name,
        ChangeSetName=change_set,
    )
    return [Change(*(value or "" for value in one)) for one in found]


def _make(stack: Stack, change_set: str) -> None:
    """Do it and wait until it is done; CloudFormation takes back what fails."""
    client = stack.aws.client("cloudformation")
    planned = client.describe_change_set(StackName=stack.name, ChangeSetName=change_set)
    client.execute_change_set(StackName=stack.name, ChangeSetName=change_set)
    try:
        client.get_waiter("stack_update_complete").wait(
            StackName=stack.name, WaiterConfig=_UNTIL_DONE
        )
    except WaiterError:
        # The newest comes first, and the first failure is the cause of the others.
        failures = [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'failed')}"
            for one in client.describe_stack_events(StackName=stack.name)["StackEvents"]
            if one["Timestamp"] >= planned["CreationTime"]
            and one.get("ResourceStatus", "").endswith("_FAILED")
        ]
        cause = failures[-1] if failures else "see the stack's events in the console"
        raise BridgeError(f"the update failed and is rolled back: {cause}") from None


def in_a_sentence(changes: Sequence[Change]) -> str:
    replaced = [
        one
        for one in changes
        if one.replacement in ("True", "Conditional") and one.type != _VERSION
    ]
    urls = [one for one in replaced if one.type in _WITH_A_URL]
    anew = [one.resource for one in replaced if one.type not in _WITH_A_URL]
    functions = [one.resource for one in changes if one.type == _FUNCTION]
    parts = ["URLs change, so MoEngage and 8x8 need the new ones" if urls else "No URL changes"]
    if functions:
        parts.append(f"{', '.join(functions)} get a new version")
    if anew:
        parts.append(f"{', '.join(anew)} may be made anew")
    others = len(changes) - len(functions) - len(replaced)
    if others > 0:
        parts.append(f"{others} other resources are changed in place")
    return f"{'; '.join(parts)}."
