"""The deployed stack, found by its name."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from bridge.errors import BridgeError
from bridge.table import OperatorsMessages
from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.settings import (
    CallbackSettings,
    DispatchSettings,
    ForwardSettings,
    LookUpSettings,
    ReconcileSettings,
    SendSettings,
    Settings,
)
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.secret import InvalidSecretError, Secret, change_values, read_values
from sms_bridge.storage.table import MessagesTable

FUNCTIONS: dict[str, type[Settings]] = {
    "SendSms": SendSettings,
    "DispatchQueue": DispatchSettings,
    "ReceiveCallback": CallbackSettings,
    "ForwardOutcome": ForwardSettings,
    "Reconcile": ReconcileSettings,
    "LookUpMessage": LookUpSettings,
}
"""The functions, and the settings that they read."""

ACCOUNT_ID = "eightx8AccountId"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Resource(NamedTuple):
    """A resource of the stack, and its physical id."""

    type: str
    id: str


class Stack:
    """What the commands need of a stack.

    ``AWS_ENDPOINT_URL`` is honoured; ``api_url`` takes the place of the URL in the outputs.
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
        self._profile, self._region, self._api_url = profile, region, api_url
        self._environments: dict[str, Mapping[str, str]] = {}

    # ------------------------------------------------------------------------- what was deployed
    @cached_property
    def description(self) -> Mapping[str, Any]:
        try:
            found = self.aws.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                bridges = "Stacks[?Outputs[?OutputKey == 'SendUrl']].StackName"
                others = " or ".join(self.listed("cloudformation", "describe_stacks", bridges))
                first = f"--stack {others}" if others else "deploy it: make deploy"
                raise BridgeError(
                    f"there is no stack {self.name} in region {self.region} of this account",
                    id="stack-missing",
                    remedy=f"{first}; or name another account or region with --profile, --region",
                ) from None
            raise
        return found["Stacks"][0]

    @property
    def region(self) -> str:
        return self.aws.region_name or ""

    @property
    def account(self) -> str:
        return str(self.description.get("StackId", "")).ljust(5, ":").split(":")[4]

    @property
    def is_local(self) -> bool:
        """Whether it runs in an emulator, which lacks what nobody needs there."""
        host = urlsplit(self.aws.client("cloudformation").meta.endpoint_url).hostname or ""
        return host == "localhost" or host.startswith("127.")

    @property
    def parameters(self) -> dict[str, str]:
        listed = self.description.get("Parameters", [])
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in listed}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """The stack's resources, and those of its nested stacks, by their names in the template."""
        found: dict[str, Resource] = {}
        stacks = [self.name]
        what = "StackResourceSummaries[].[LogicalResourceId, ResourceType, PhysicalResourceId]"
        for stack in stacks:
            listed = self.listed("cloudformation", "list_stack_resources", what, StackName=stack)
            for name, kind, id in listed:
                found.setdefault(name, Resource(kind, id or ""))
                if kind == "AWS::CloudFormation::Stack" and id:
                    stacks.append(id)
        return found

    def resource(self, name: str) -> str:
        return self._named("resource", name, self.resources).id

    def _named[Value](self, kind: str, name: str, found: Mapping[str, Value]) -> Value:
        if name not in found:
            raise BridgeError(
                f"the stack {self.name} has no {kind} {name}",
                id="stack-incomplete",
                remedy="name the right stack with --stack, or deploy it again: make deploy",
            )
        return found[name]

    def ids_of(self, kind: str) -> dict[str, str]:
        """Return the physical ids of a type's resources, by their names in the template."""
        return {name: one.id for name, one in self.resources.items() if one.type == kind}

    @cached_property
    def template(self) -> Mapping[str, Any]:
        """The template as CloudFormation has it; empty where it is not kept as JSON."""
        client = self.aws.client("cloudformation")
        answer = client.get_template(StackName=self.name, TemplateStage="Processed")
        found: object = answer["TemplateBody"]
        return found if isinstance(found, Mapping) else {}

    def environment_of(self, function: str) -> Mapping[str, str]:
        """Return a function's variables, read once: of the alias ``live``, where there is one."""
        if function not in self._environments:
            client, name = self.aws.client("lambda"), self.resource(function)
            try:
                found = client.get_function_configuration(FunctionName=name, Qualifier="live")
            except client.exceptions.ResourceNotFoundException:
                found = client.get_function_configuration(FunctionName=name)
            self._environments[function] = found.get("Environment", {}).get("Variables", {})
        return self._environments[function]

    @property
    def sending(self) -> Mapping[str, str]:
        return self.environment_of("SendSms")

    def drift(self) -> Iterator[tuple[str, str]]:
        """Yield functions, and variables of theirs that differ from the stack."""
        # The template puts the domain's URL in place of "domain", and a region's host of nothing.
        expected = {
            variable_of(name): one
            for name, one in self.parameters.items()
            if not name.endswith("BaseUrl") or one not in ("", "domain")
        }
        expected |= {"MESSAGES_TABLE": self.table, "BRIDGE_SECRET_ARN": self.secret_arn}
        for name, url in self.ids_of("AWS::SQS::Queue").items():
            expected[f"{variable_of(name)}_URL"] = url
        for function in FUNCTIONS:
            for name, value in self.environment_of(function).items():
                # CloudFormation shows characters beyond ASCII as question marks.
                running = value.encode("ascii", "replace").decode().replace(" ", "")
                if name in expected and running != expected[name].replace(" ", ""):
                    yield function, name

    @property
    def sub_account_ids(self) -> list[str]:
        return self.sending["SUB_ACCOUNT_IDS"].split(",")

    @property
    def eightx8_url(self) -> str:
        return self.sending["EIGHTX8_BASE_URL"]

    @property
    def seconds_until_secret_is_read(self) -> int:
        """For how long a function may go on with what the secret held before."""
        return int(self.sending["SECRET_MAX_AGE_SECONDS"])

    # ----------------------------------------------------------------------------------- the API
    @cached_property
    def api_url(self) -> str:
        if self._api_url:
            return self._api_url.rstrip("/")
        listed = self.description.get("Outputs", [])
        outputs = {one["OutputKey"]: one["OutputValue"] for one in listed}
        url = urlsplit(self._named("output", "SendUrl", outputs))
        return f"{url.scheme}://{url.netloc}"

    @property
    def callback_url(self) -> str:
        return f"{self.api_url}/callbacks/8x8"

    def send_url(self, sub_account_id: str) -> str:
        return f"{self.api_url}/api/v1/subaccounts/{quote(sub_account_id, safe='&')}/messages"

    # -------------------------------------------------------------------------------- the secret
    @property
    def secret_arn(self) -> str:
        return self.resource("BridgeSecret")

    @cached_property
    def secret_values(self) -> Mapping[str, Any]:
        """What the secret holds, read once until this changes it."""
        try:
            return read_values(self.aws.client("secretsmanager"), self.secret_arn)
        except InvalidSecretError:
            # Without its cause, which holds the secret's text.
            raise BridgeError(
                f"the secret {self.secret_arn} does not hold a JSON object",
                id="secret-unreadable",
                remedy="Secrets Manager's console > the secret > Retrieve secret value > Edit: "
                "bring back the JSON, or restore its former version",
            ) from None

    @property
    def eightx8_account_id(self) -> str:
        return str(self.secret_values.get(ACCOUNT_ID) or "")

    def secret(self) -> Secret:
        """Return the secret as the functions read it."""
        try:
            return Secret.from_values(self.secret_values)
        except InvalidSecretError:
            raise BridgeError(
                "hashKey is missing in the secret: people who opted out are not known again",
                id="hash-key-missing",
                remedy="Secrets Manager's console: restore hashKey from the secret's former "
                "version; a new one would not fit what is stored",
            ) from None

    def change_secret(self, **changes: object) -> None:
        """Put values into the secret and leave everything else as it is."""
        change_values(self.aws.client("secretsmanager"), self.secret_arn, changes)
        self.__dict__.pop("secret_values", None)

    # ------------------------------------------------------------------------ messages and queues
    @property
    def table(self) -> str:
        return self.resource("MessagesTable")

    @cached_property
    def queues(self) -> Mapping[str, Mapping[Any, str]]:
        """All attributes of each queue, by its name in the template, read once."""
        return {
            name: self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
                "Attributes"
            ]
            for name, url in self.ids_of("AWS::SQS::Queue").items()
        }

    @property
    def messages_table(self) -> MessagesTable:
        return MessagesTable(self.aws.client("dynamodb"), self.table)

    @cached_property
    def messages(self) -> OperatorsMessages:
        return OperatorsMessages(self.messages_table)

    @cached_property
    def opt_outs(self) -> DynamoDBOptOuts:
        return DynamoDBOptOuts(self.messages_table, self.opt_out_scope)

    @property
    def opt_out_scope(self) -> OptOutScope:
        """Whose messages somebody no longer gets who opted out."""
        return OptOutScope(self.sending["OPT_OUT_SCOPE"])

    # ---------------------------------------------------------------------------------------- AWS
    def listed(self, service: str, operation: str, what: str, **arguments: Any) -> Iterator[Any]:
        """Yield what a JMESPath expression finds in all pages of AWS's answer."""
        client: BaseClient = self.aws.client(service)  # type: ignore[call-overload]
        yield from client.get_paginator(operation).paginate(**arguments).search(what)

    @cached_property
    def aws(self) -> boto3.Session:
        """boto3's session, which makes one client of each service."""
        session = boto3.Session(profile_name=self._profile, region_name=self._region)
        session.client = cache(session.client)  # type: ignore[method-assign]
        return session


def variable_of(name: str) -> str:
    """Return the environment variable that is named like a parameter or a resource."""
    words = name.replace("MoEngage", "Moengage").replace("EightX8", "Eightx8")
    return _WORD.sub("_", words).upper()
