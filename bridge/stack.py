"""The deployed stack, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import boto3
from botocore.exceptions import ClientError

from bridge.errors import BridgeError
from sms_bridge.providers.eightx8_log import MessageDetails
from sms_bridge.services.look_up import LookUp
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.person_data import DynamoDBPersonData
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue
from sms_bridge.storage.secret import (
    Secret,
    SecretSource,
    add_missing_tokens,
    change_values,
    read_values,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_sqs import SQSClient


class StackError(BridgeError):
    """There is no such stack, or it is not an SMS bridge."""


class Resource(NamedTuple):
    """A resource of the stack."""

    type: str
    id: str
    status: str


class Stack:
    """What the commands need of a stack.

    Parameters
    ----------
    name
        Of the CloudFormation stack.
    profile, region
        As AWS's own tools take them; ``AWS_ENDPOINT_URL`` is honoured.
    api_url
        Where the API answers, in place of the URL in the stack's outputs.
    """

    def __init__(
        self,
        name: str,
        *,
        profile: str | None = None,
        region: str | None = None,
        api_url: str | None = None,
    ) -> None:
        self.name = name
        self._profile = profile
        self._region = region
        self._api_url = api_url

    # ------------------------------------------------------------------------- what was deployed
    @cached_property
    def description(self) -> StackTypeDef:
        """What CloudFormation says of the stack.

        Raises
        ------
        StackError
            When there is no such stack.
        """
        try:
            found = self.cloudformation.describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                raise StackError(
                    f"there is no stack {self.name} in this account and region"
                ) from None
            raise
        return found["Stacks"][0]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        outputs = self.description.get("Outputs", [])
        return {one["OutputKey"]: one["OutputValue"] for one in outputs}

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters, with the values that it was deployed with."""
        parameters = self.description.get("Parameters", [])
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in parameters}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """The stack's resources by their names in the template."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        return {
            one["LogicalResourceId"]: Resource(
                one["ResourceType"], one.get("PhysicalResourceId", ""), one["ResourceStatus"]
            )
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def environment_of(self, function: str) -> Mapping[str, str]:
        """Return the environment variables of a function, by its name in the template."""
        client = self._session.client("lambda")
        found = client.get_function_configuration(FunctionName=self.resource(function).id)
        return found.get("Environment", {}).get("Variables", {})

    def resource(self, name: str) -> Resource:
        """Return a resource by its name in the template.

        Raises
        ------
        StackError
            The stack has none of that name.
        """
        try:
            return self.resources[name]
        except KeyError:
            raise StackError(f"the stack {self.name} has no resource {name}") from None

    @cached_property
    def sending(self) -> Mapping[str, str]:
        """The environment variables of the function that sends."""
        return self.environment_of("SendSms")

    @property
    def sub_account_ids(self) -> list[str]:
        """8x8's sub-accounts that the bridge may use."""
        return self.sending["SUB_ACCOUNT_IDS"].split(",")

    @property
    def eightx8_url(self) -> str:
        """Base URL of 8x8's API."""
        return self.sending["EIGHTX8_BASE_URL"]

    @property
    def seconds_until_secret_is_read(self) -> int:
        """For how long a function may go on with what the secret held before."""
        return int(self.sending["SECRET_MAX_AGE_SECONDS"])

    # ----------------------------------------------------------------------------------- the API
    @cached_property
    def api_url(self) -> str:
        """Base URL of the bridge's API."""
        if self._api_url:
            return self._api_url.rstrip("/")
        url = urlsplit(self._output("SendUrl"))
        return f"{url.scheme}://{url.netloc}"

    @property
    def callback_url(self) -> str:
        """What is registered with 8x8."""
        return f"{self.api_url}/callbacks/8x8"

    def send_url(self, sub_account_id: str) -> str:
        """What MoEngage posts messages to."""
        return f"{self.api_url}/api/v1/subaccounts/{quote(sub_account_id, safe='&')}/messages"

    def look_up_url(self, message_id: str) -> str:
        """Where the API tells what became of a message."""
        return f"{self.api_url}/messages/{quote(message_id, safe='')}"

    # -------------------------------------------------------------------------------- the secret
    @cached_property
    def secret_arn(self) -> str:
        """ARN of the stack's secret."""
        return self._output("SecretArn")

    def secret_values(self) -> dict[str, Any]:
        """Return what the secret holds now.

        Raises
        ------
        StackError
            It is not a JSON object.
        """
        try:
            return read_values(self._session.client("secretsmanager"), self.secret_arn)
        except ValueError:
            raise StackError(f"the secret {self.secret_arn} does not hold a JSON object") from None

    def secret(self) -> Secret:
        """Return the secret as the functions read it."""
        return Secret.from_values(self.secret_values())

    def change_secret(self, **changes: object) -> None:
        """Put values into the secret and leave everything else as it is."""
        change_values(self._session.client("secretsmanager"), self.secret_arn, changes)

    def add_missing_tokens(self) -> list[str]:
        """Put a token into each of the secret's lists that has none; returns their names."""
        return add_missing_tokens(self._session.client("secretsmanager"), self.secret_arn)

    # ------------------------------------------------------------------------ messages and queues
    @cached_property
    def messages(self) -> DynamoDBMessages:
        """The record of every message."""
        client = self._session.client("dynamodb")
        return DynamoDBMessages(client, self._output("MessagesTableName"))

    @cached_property
    def people(self) -> DynamoDBPersonData:
        """What is known of people."""
        client = self._session.client("dynamodb")
        return DynamoDBPersonData(client, self._output("MessagesTableName"))

    @cached_property
    def opt_outs(self) -> DynamoDBOptOuts:
        """People who do not want to be texted."""
        client = self._session.client("dynamodb")
        return DynamoDBOptOuts(client, self._output("MessagesTableName"))

    @cached_property
    def look_up(self) -> LookUp:
        """Finds messages."""
        secrets = SecretSource(
            self._session.client("secretsmanager"), self.secret_arn, max_age_seconds=60
        )
        return LookUp(
            messages=self.messages,
            details=MessageDetails(self.eightx8_url, secrets),
            sub_account_ids=self.sub_account_ids,
        )

    @cached_property
    def outcomes(self) -> SqsOutcomeQueue:
        """Outcomes on their way to MoEngage."""
        return SqsOutcomeQueue(self.sqs, self._output("OutcomeQueueUrl"))

    @cached_property
    def outcome_dead_letters(self) -> SqsDeadLetterQueue:
        """Outcomes that MoEngage did not take."""
        return SqsDeadLetterQueue(self.sqs, self._output("OutcomeDeadLetterQueueUrl"))

    @cached_property
    def sqs(self) -> SQSClient:
        """Client for queues."""
        return self._session.client("sqs")

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """Client for the stack itself."""
        return self._session.client("cloudformation")

    @cached_property
    def cloudwatch(self) -> Any:
        """Client for alarms."""
        return self._session.client("cloudwatch")

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(profile_name=self._profile, region_name=self._region)

    def _output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise StackError(f"the stack {self.name} has no output {name}") from None
