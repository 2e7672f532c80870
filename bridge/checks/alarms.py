"""Would anybody wake up?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched

from bridge.checks.findings import Finding, Level
from bridge.stack import Stack

_PART = "alarms"
_TYPE = "AWS::CloudWatch::Alarm"
# CloudWatch's limit.
_NAMES_AT_ONCE = 100


def check_alarms(stack: Stack) -> Iterator[Finding]:
    """See whether the stack's alarms tell somebody, and what they say now."""
    names = [one.id for one in stack.resources.values() if one.type == _TYPE]
    if not names:
        yield Finding(
            Level.WARNING, _PART, "this stack has none", "deploy a newer version: make deploy"
        )
        return
    silent, raised = 0, 0
    for some in batched(names, _NAMES_AT_ONCE, strict=False):
        found = stack.cloudwatch.describe_alarms(AlarmNames=list(some), AlarmTypes=["MetricAlarm"])
        for alarm in found["MetricAlarms"]:
            silent += not (alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))
            if alarm.get("StateValue") == "ALARM":
                raised += 1
                yield Finding(
                    Level.PROBLEM,
                    _PART,
                    f"{alarm['AlarmName']} is raised",
                    alarm.get("AlarmDescription", ""),
                )
    if silent:
        yield Finding(
            Level.WARNING,
            _PART,
            f"{silent} of {len(names)} alarms tell nobody",
            "bridge parameters set AlarmTopicArn=ARN, with the ARN of an SNS topic",
        )
    if not silent and not raised:
        yield Finding(Level.OK, _PART, f"all {len(names)} are wired and none is raised")
