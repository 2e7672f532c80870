"""Builds and deploys the real template with SAM CLI, as one would to AWS."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.aws import Aws
from local.processes import ProcessFailedError, child_environment, proxies, run

STACK_NAME = "sms-bridge"
ARTIFACTS_BUCKET = "sms-bridge-artifacts"
SECONDS_TO_BUILD = 300
SECONDS_TO_DEPLOY = 180


@dataclass(frozen=True)
class Deployment:
    """The outputs of the deployed stack, and what its resources are called.

    Attributes
    ----------
    physical_ids
        By the names in template.yaml: a queue's URL, a function's name.
    """

    api_id: str
    secret_arn: str
    messages_table: str
    outcome_queue_url: str
    physical_ids: Mapping[str, str]


class Sam:
    """SAM CLI with settings of its own.

    Builds and logs are in ``work``. Nothing is written to the project's .aws-sam, so that runs side
    by side do not meet.
    """

    def __init__(self, program: Path, project: Path, work: Path, aws: Aws) -> None:
        self._program = str(program)
        self._project = project
        self._work = work
        self._aws = aws
        # In place of the project's samconfig.toml, which is for AWS.
        self._settings = work / "samconfig.toml"
        self._settings.write_text("version = 0.1\n")

    @property
    def build_folder(self) -> Path:
        """Where `build` leaves the functions, the layer and the template."""
        return self._work / "build"

    @property
    def deploy_log(self) -> str:
        return (self._work / "sam-deploy.log").read_text("utf-8")

    async def build(self) -> None:
        """Build the functions and the layer for this machine's processor."""
        await self._sam(
            "build",
            *("--template-file", str(self._project / "template.yaml")),
            *("--build-dir", str(self.build_folder)),
            *("--parameter-overrides", f"Arch={processor()}"),
            seconds=SECONDS_TO_BUILD,
        )

    async def deploy(self, parameters: Mapping[str, str]) -> Deployment:
        """Deploy what was built, anew or over what runs."""
        # Once more for what is deployed over another: that changes nothing.
        await asyncio.to_thread(self._aws.s3.create_bucket, Bucket=ARTIFACTS_BUCKET)
        values = {"Arch": processor(), **parameters}
        await self._sam(
            "deploy",
            *("--template-file", str(self.build_folder / "template.yaml")),
            *("--stack-name", STACK_NAME, "--s3-bucket", ARTIFACTS_BUCKET),
            *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
            *("--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"),
            "--parameter-overrides",
            *(f'ParameterKey={key},ParameterValue="{value}"' for key, value in values.items()),
            seconds=SECONDS_TO_DEPLOY,
        )
        outputs = await asyncio.to_thread(self._outputs)
        return Deployment(
            api_id=outputs["ApiId"],
            secret_arn=outputs["SecretArn"],
            messages_table=outputs["MessagesTableName"],
            outcome_queue_url=outputs["OutcomeQueueUrl"],
            physical_ids=await asyncio.to_thread(physical_ids, self._aws, STACK_NAME),
        )

    def _outputs(self) -> dict[str, str]:
        [stack] = self._aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise ProcessFailedError(f"the stack ended as {stack['StackStatus']}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    async def _sam(self, command: str, *arguments: str, seconds: int) -> None:
        # `sam build` takes the first python3.13 on PATH and refuses a version manager's shim. The
        # interpreter behind this environment is a real one and has pip.
        interpreters = Path(sys.base_prefix) / "bin"
        environment = child_environment(
            **self._aws.environment,
            PATH=os.pathsep.join([str(interpreters), os.environ["PATH"]]),
            SAM_CLI_TELEMETRY="0",
            # Its 5 seconds spare AWS's limits, and are half of a deployment to the emulator.
            SAM_CLI_POLL_DELAY="0.2",
        )
        if command == "build":
            # pip fetches the layer's packages.
            environment |= proxies()
        await run(
            [self._program, command, "--config-file", str(self._settings), *arguments],
            log=self._work / f"sam-{command}.log",
            environment=environment,
            folder=self._project,
            seconds=seconds,
        )


def physical_ids(aws: Aws, stack_name: str) -> dict[str, str]:
    """Read what a stack's resources are called, by their names in the template."""
    resources = aws.cloudformation.describe_stack_resources(StackName=stack_name)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources["StackResources"]
        if "PhysicalResourceId" in resource
    }


def processor() -> str:
    """Name this machine's processor as the template's Arch does."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
