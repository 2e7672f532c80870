"""Is the stack there, and all of it?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.findings import Finding, Level
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES
from bridge.stack import Stack

_PART = "stack"
_RESOURCES = (
    "HttpApi",
    "MessagesTable",
    "BridgeSecret",
    "SendSms",
    "DispatchQueue",
    "ReceiveCallback",
    "ForwardOutcome",
    "Reconcile",
    "LookUpMessage",
    *WORK_QUEUES,
    *DEAD_LETTER_QUEUES,
)
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# The stack is as it was before the update.
_USABLE = (*_GOOD, "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")


def check_deployment(stack: Stack) -> Iterator[Finding]:
    """Look at what CloudFormation says."""
    status = stack.description["StackStatus"]
    missing = [name for name in _RESOURCES if name not in stack.resources]
    if missing:
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{stack.name} is no complete SMS bridge: it has no {', '.join(missing)}",
            "name the right one with --stack, or deploy it: make deploy",
        )
    elif status in _GOOD:
        yield Finding(Level.OK, _PART, f"{stack.name} is deployed ({status})")
    elif status in _USABLE:
        yield Finding(
            Level.WARNING,
            _PART,
            f"the last update of {stack.name} is not finished or failed ({status})",
            "see the events of the stack in CloudFormation's console, then: make deploy",
        )
    else:
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{stack.name} is not deployed properly ({status})",
            "see the events of the stack in CloudFormation's console, then: make deploy",
        )
