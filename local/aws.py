"""MiniStack, the AWS emulator that runs the real template, and clients for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import guard
from local.processes import (
    LOOPBACK,
    ProcessFailedError,
    child_environment,
    free_port,
    running,
    tail,
)

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
SECRET_KEY = "not-checked"  # noqa: S105 - the emulator checks no signature  # nosec B105
SECONDS_TO_START = 30
CONFIG = Config(
    connect_timeout=2,
    read_timeout=20,
    proxies={},
    retries={"mode": "standard", "total_max_attempts": 3},
)


class Aws:
    """The emulated account: where it answers, and one client a service.

    Parameters
    ----------
    endpoint
        Base URL of the emulator.
    access_key_id
        The one that the emulator takes. It is the account's number as well: the emulator gives
        that to the functions that it runs.
    """

    def __init__(self, endpoint: str, access_key_id: str) -> None:
        self.endpoint = endpoint
        self._access_key_id = access_key_id
        session = boto3.Session(
            aws_access_key_id=access_key_id, aws_secret_access_key=SECRET_KEY, region_name=REGION
        )
        client: Any = partial(session.client, endpoint_url=endpoint, config=CONFIG)
        self.apigatewayv2: ApiGatewayV2Client = client("apigatewayv2")
        self.cloudformation: CloudFormationClient = client("cloudformation")
        self.dynamodb: DynamoDBClient = client("dynamodb")
        self.lambda_: LambdaClient = client("lambda")
        self.logs: CloudWatchLogsClient = client("logs")
        self.s3: S3Client = client("s3")
        self.secretsmanager: SecretsManagerClient = client("secretsmanager")
        self.sqs: SQSClient = client("sqs")

    @property
    def credentials(self) -> dict[str, str]:
        """What leads a program to the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._access_key_id,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same for a child process, which reaches no real account."""
        return {
            **self.credentials,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def log_groups(aws: Aws) -> list[str]:
    """List the log groups by name."""
    pages = aws.logs.get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def log_events(aws: Aws, group: str, since: int = 0) -> Iterator[FilteredLogEventTypeDef]:
    """Read what a group has from a time on, in milliseconds since the epoch."""
    events = aws.logs.get_paginator("filter_log_events")
    for page in events.paginate(logGroupName=group, startTime=since):
        yield from page["events"]


@asynccontextmanager
async def emulator(python: Path, work: Path, *, port: int = 0) -> AsyncIterator[Aws]:
    """Run MiniStack behind the guard.

    Parameters
    ----------
    work
        Folder for its log and for the code of the functions that it runs.
    port
        0 for any that is free.
    """
    port = free_port(port)
    temporary = work / "ministack"
    temporary.mkdir()
    log = work / "ministack.log"
    account = f"{secrets.randbelow(9 * 10**11) + 10**11}"
    aws = Aws(f"http://{LOOPBACK}:{port}", account)
    environment = child_environment(
        AWS_ACCESS_KEY_ID=account,
        # Whose the APIs are that are called unsigned.
        MINISTACK_ACCOUNT_ID=account,
        BIND_HOST=LOOPBACK,
        GATEWAY_PORT=str(port),
        # Listens on a fixed port beside the gateway's.
        IOT_MTLS_ENABLED="0",
        TMPDIR=str(temporary),
    )
    # -P: this package's modules are not for the emulator.
    command = [str(python), "-P", str(guard.__file__)]
    async with running(command, log=log, environment=environment, folder=work) as process:
        await _until_healthy(aws, process, log)
        yield aws


async def _until_healthy(aws: Aws, process: asyncio.subprocess.Process, log: Path) -> None:
    for _ in range(SECONDS_TO_START * 10):
        if process.returncode is not None:
            break
        try:
            await asyncio.to_thread(aws.s3.list_buckets)
        except (BotoCoreError, ClientError):
            await asyncio.sleep(0.1)
        else:
            return
    raise ProcessFailedError(f"MiniStack did not start\n{tail(log)}")
