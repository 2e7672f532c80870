"""Changes of a deployed stack's parameters; its template stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import WaiterError

from bridge.errors import BridgeError
from bridge.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, WaiterConfigTypeDef

_UNTIL_PLANNED: WaiterConfigTypeDef = {"Delay": 1, "MaxAttempts": 300}
_UNTIL_DONE: WaiterConfigTypeDef = {"Delay": 2, "MaxAttempts": 1800}
_NOTHING_TO_CHANGE = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to one of the stack's resources.

    Attributes
    ----------
    action
        CloudFormation's word: Add, Modify, Remove.
    replacement
        Whether the resource would be made anew: True, False, Conditional, or empty.
    """

    action: str
    resource: str
    type: str
    replacement: str

    @property
    def is_replaced(self) -> bool:
        return self.replacement in ("True", "Conditional")


class Update:
    """New values for some parameters, first planned and then made.

    It is a change set with the template that runs, so nothing else is changed, and every parameter
    that is not named keeps its value.

    Parameters
    ----------
    values
        By the parameters' names.
    """

    def __init__(self, stack: Stack, values: Mapping[str, str]) -> None:
        self._stack = stack
        self._values = values
        self._client = stack.client("cloudformation")
        self._change_set = f"sms-bridge-{uuid4()}"

    def plan(self) -> list[Change]:
        """Have CloudFormation check the values and say what would change; empty for nothing."""
        kept: list[ParameterTypeDef] = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in self._stack.parameters
            if name not in self._values
        ]
        changed: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in self._values.items()
        ]
        self._client.create_change_set(
            StackName=self._stack.name,
            ChangeSetName=self._change_set,
            ChangeSetType="UPDATE",
            UsePreviousTemplate=True,
            Parameters=[*kept, *changed],
            # What was agreed to when the template was deployed, and no more.
            Capabilities=self._stack.description.get("Capabilities", []),
        )
        try:
            self._client.get_waiter("change_set_create_complete").wait(
                StackName=self._stack.name,
                ChangeSetName=self._change_set,
                WaiterConfig=_UNTIL_PLANNED,
            )
        except WaiterError as error:
            self.drop()
            reason = str(error.last_response.get("StatusReason", "it was not done in time"))
            if any(words in reason for words in _NOTHING_TO_CHANGE):
                return []
            raise BridgeError(f"CloudFormation refuses the change: {reason}") from None
        pages = self._client.get_paginator("describe_change_set").paginate(
            StackName=self._stack.name, ChangeSetName=self._change_set
        )
        return [
            Change(
                action=one["Action"],
                resource=one["LogicalResourceId"],
                type=one["ResourceType"],
                replacement=one.get("Replacement", ""),
            )
            for page in pages
            for one in (change["ResourceChange"] for change in page["Changes"])
        ]

    def drop(self) -> None:
        self._client.delete_change_set(StackName=self._stack.name, ChangeSetName=self._change_set)

    def make(self) -> None:
        """Do it and wait until it is done; CloudFormation takes back what fails."""
        planned_at = self._client.describe_change_set(
            StackName=self._stack.name, ChangeSetName=self._change_set
        )["CreationTime"]
        self._client.execute_change_set(StackName=self._stack.name, ChangeSetName=self._change_set)
        try:
            self._client.get_waiter("stack_update_complete").wait(
                StackName=self._stack.name, WaiterConfig=_UNTIL_DONE
            )
        except WaiterError:
            events = self._client.describe_stack_events(StackName=self._stack.name)["StackEvents"]
            # The newest comes first, and the first failure is the cause of the others.
            failures = [
                f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'failed')}"
                for one in events
                if one["Timestamp"] >= planned_at
                and one.get("ResourceStatus", "").endswith("_FAILED")
            ]
            cause = failures[-1] if failures else "see the stack's events in the console"
            raise BridgeError(f"the update failed and is rolled back: {cause}") from None
