"""The deployed stack, found by its name."""

from __future__ import annotations

from functools import cached_property

import boto3
from botocore.exceptions import ClientError

from sms_bridge.storage.dead_letters import SqsDeadLetterQueue
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.outcome_queue import SqsOutcomeQueue


class StackError(Exception):
    """There is no such stack, or it is not an SMS bridge."""


class Stack:
    """What the commands need of a stack.

    Parameters
    ----------
    name
        Of the CloudFormation stack.
    profile, region
        As AWS's own tools take them; ``AWS_ENDPOINT_URL`` is honoured.
    """

    def __init__(self, name: str, *, profile: str | None = None, region: str | None = None) -> None:
        self.name = name
        self._session = boto3.Session(profile_name=profile, region_name=region)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs.

        Raises
        ------
        StackError
            When there is no such stack.
        """
        try:
            found = self._session.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                raise StackError(
                    f"there is no stack {self.name} in this account and region"
                ) from None
            raise
        return {one["OutputKey"]: one["OutputValue"] for one in found["Stacks"][0]["Outputs"]}

    @cached_property
    def messages(self) -> DynamoDBMessages:
        """The record of every message."""
        client = self._session.client("dynamodb")
        return DynamoDBMessages(client, self._output("MessagesTableName"))

    @cached_property
    def outcomes(self) -> SqsOutcomeQueue:
        """Outcomes on their way to MoEngage."""
        return SqsOutcomeQueue(self._session.client("sqs"), self._output("OutcomeQueueUrl"))

    @cached_property
    def outcome_dead_letters(self) -> SqsDeadLetterQueue:
        """Outcomes that MoEngage did not take."""
        url = self._output("OutcomeDeadLetterQueueUrl")
        return SqsDeadLetterQueue(self._session.client("sqs"), url)

    def _output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise StackError(f"the stack {self.name} has no output {name}") from None
