"""The local stack: MiniStack with the deployed template, both simulators, and the front door."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from local.aws import Aws, emulator, log_events, log_groups
from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER, Senders, senders
from local.deployment import STACK_NAME, Deployment, Sam
from local.eightx8 import EightX8Simulator
from local.front_door import CALLS_AT_ONCE, front_door
from local.ministack_repairs import repair
from local.moengage import MoEngageSimulator
from local.processes import ProcessFailedError
from local.progress import Step, quiet

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

PROJECT = Path(__file__).resolve().parents[1]
MINISTACK = PROJECT / ".venv/ministack/bin/python"
SAM = PROJECT / ".venv/sam/bin/sam"

ACCOUNT_ID = "3f6c1b9e-52d7-4a08-9c41-7be0d2a9f135"
SUB_ACCOUNT_IDS = ("Acme_Transactional", "Acme_Promotional")
SENDER_ID = "Acme"
CONNECTOR_ID = "local-connector"
INBOUND_EVENT = "SMS Reply"
REPLIES = {
    "OptOutReply": "Acme: you get no more offers. START brings them back.",
    "OptInReply": "Acme: you get our offers again. STOP ends them.",
    "HelpReply": "Acme: write to help@example.com. STOP ends our offers.",
}
SECONDS_TO_CALL = 20

AT_WORK: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)
AT_WORK_OR_HELD_BACK = (*AT_WORK, "ApproximateNumberOfMessagesDelayed")


@dataclass(frozen=True)
class Tokens:
    """The first of each list of tokens in the stack's secret."""

    moengage: str
    callback: str
    look_up: str
    full_number: str


class LocalStack:
    """Everything that runs; an async context manager.

    Parameters
    ----------
    step
        Shows what is being done.
    port
        The first of the ports to listen on: of the console, the bridge, 8x8, MoEngage and AWS, in
        this order. 0 for any that are free.

    Attributes
    ----------
    front_door_url
        The bridge's HTTP API.
    eightx8_api_key
        What the 8x8 simulator asks for.
    connector_id
        What MoEngage has given the service provider.
    senders
        What is configured in MoEngage.
    """

    aws: Aws
    deployment: Deployment
    tokens: Tokens
    front_door_url: str
    eightx8_url: str
    moengage_url: str
    senders: Senders
    sam: Sam
    _http: aiohttp.ClientSession

    def __init__(self, step: Step = quiet, *, port: int = 0) -> None:
        self._step = step
        self._ports = range(port, port + 5) if port else [0] * 5
        self._open = AsyncExitStack()
        self.eightx8_api_key = secrets.token_urlsafe(32)
        self.connector_id = CONNECTOR_ID
        self.eightx8 = EightX8Simulator(
            account_id=ACCOUNT_ID,
            sub_account_ids=SUB_ACCOUNT_IDS,
            api_keys=[self.eightx8_api_key],
        )
        self.moengage = MoEngageSimulator()

    async def __aenter__(self) -> Self:
        async with self._open as opening:
            await self._start(opening)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._step("Stopping the functions, MiniStack and the simulators"):
            await self._open.aclose()

    @property
    def console_port(self) -> int:
        """Where the console is to listen; 0 for any port that is free."""
        return self._ports[0]

    def send_url(self, sub_account_id: str = SUB_ACCOUNT_IDS[0]) -> str:
        """What an administrator pastes into MoEngage."""
        return f"{self.front_door_url}/api/v1/subaccounts/{sub_account_id}/messages"

    @property
    def callback_url(self) -> str:
        """What is registered with 8x8."""
        return f"{self.front_door_url}/callbacks/8x8"

    @property
    def webhook(self) -> dict[str, Any]:
        """What is registered with 8x8, as its API has it."""
        return {
            "subAccountId": "*",
            "url": self.callback_url,
            "httpAuthorization": f"Bearer {self.tokens.callback}",
            "enabled": True,
        }

    @property
    def delivery_tracking_url(self) -> str:
        """What MoEngage shows once the senders are saved."""
        return f"{self.moengage_url}/sms/dlr/custom/{self.connector_id}"

    def look_up_url(self, message_id: str) -> str:
        """Where the bridge shows what became of a message."""
        return f"{self.front_door_url}/messages/{message_id}"

    async def look_up(self, message_id: str) -> dict[str, Any]:
        authorization = {"Authorization": f"Bearer {self.tokens.look_up}"}
        url = self.look_up_url(message_id)
        async with self._http.get(url, headers=authorization) as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found

    def outcomes_under_way(self) -> int:
        """Count the outcomes that are to be reported now; those held back are left out."""
        return self.queued("OutcomeQueue", AT_WORK)

    def sends_under_way(self) -> int:
        return self.queued("TransactionalQueue") + self.queued("PromotionalQueue")

    def queued(
        self, logical_id: str, numbers: Sequence[QueueAttributeNameType] = AT_WORK_OR_HELD_BACK
    ) -> int:
        """Count what lies in a queue, by its name in template.yaml."""
        found = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.deployment.physical_ids[logical_id], AttributeNames=numbers
        )
        return sum(int(number) for number in found["Attributes"].values())

    def queue_outcome(self, message_id: str) -> None:
        """Put an outcome into the queue once more, as SQS itself may."""
        self.aws.sqs.send_message(
            QueueUrl=self.deployment.outcome_queue_url,
            MessageBody=json.dumps({"messageId": message_id}),
        )

    def reconcile(self) -> dict[str, int]:
        """Run `reconcile` now, as the schedule does every five minutes; gives its findings."""
        answer = self.aws.lambda_.invoke(
            FunctionName=self.deployment.physical_ids["Reconcile"], Payload=b"{}"
        )
        findings: dict[str, int] = json.loads(answer["Payload"].read())
        return findings

    async def deploy(self, **changes: str) -> None:
        """Deploy once more over what runs, with other values of parameters."""
        await self._deploy(**changes)
        await self._load_functions()

    async def _deploy(self, **changes: str) -> None:
        self.deployment = await self.sam.deploy({**self._parameters(), **changes})
        await asyncio.to_thread(repair, self.aws, STACK_NAME)

    def logs(self) -> list[str]:
        groups = log_groups(self.aws)
        return [event["message"] for group in groups for event in log_events(self.aws, group)]

    async def _start(self, opening: AsyncExitStack) -> None:
        work = await opening.enter_async_context(_temporary_folder())
        timeout = aiohttp.ClientTimeout(SECONDS_TO_CALL)
        self._http = await opening.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, trust_env=False)
        )
        with self._step("Starting MiniStack and the simulators of 8x8 and MoEngage"):
            _, _, eightx8, moengage, aws = self._ports
            self.eightx8_url = await opening.enter_async_context(self.eightx8.running(eightx8))
            self.moengage_url = await opening.enter_async_context(self.moengage.running(moengage))
            self.aws = await opening.enter_async_context(emulator(MINISTACK, work, port=aws))
        self.sam = Sam(SAM, PROJECT, work, self.aws)
        with self._step("Building the functions and their layer (sam build)"):
            await self.sam.build()
        with self._step("Deploying template.yaml (sam deploy)"):
            await self._deploy()
        with self._step("Connecting 8x8, the bridge and MoEngage"):
            self.front_door_url = await opening.enter_async_context(
                front_door(self.aws.endpoint, self.deployment.api_id, port=self._ports[1])
            )
            self.tokens = await asyncio.to_thread(self._put_api_key)
            await self._load_functions()
            await self._register_callback()
            self._configure_connector()

    def _parameters(self) -> dict[str, str]:
        return {
            "SubAccountIds": ",".join(SUB_ACCOUNT_IDS),
            "TransactionalSubAccountIds": SUB_ACCOUNT_IDS[0],
            "DefaultSenderId": SENDER_ID,
            "EightX8BaseUrl": self.eightx8_url,
            "MoEngageBaseUrl": self.moengage_url,
            "MoEngageConnectorId": self.connector_id,
            "MoEngageWorkspaceId": self.moengage.data_api.workspace_id,
            "MoEngageInboundEvent": INBOUND_EVENT,
            **REPLIES,
            "AwsEndpointUrl": self.aws.endpoint,
        }

    def _put_api_key(self) -> Tokens:
        """Do what a person does after deploying: add the keys to the generated tokens."""
        client = self.aws.secretsmanager
        arn = self.deployment.secret_arn
        secret = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
        secret |= {
            "eightx8ApiKey": self.eightx8_api_key,
            "eightx8AccountId": ACCOUNT_ID,
            "moengageDataApiKey": self.moengage.data_api.api_key,
        }
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(secret))
        return Tokens(
            moengage=secret["moengageTokens"][0],
            callback=secret["callbackTokens"][0],
            look_up=secret["lookUpTokens"][0],
            full_number=secret["fullNumberTokens"][0],
        )

    async def _load_functions(self) -> None:
        """Have as many of each function running as are called at once.

        To start one takes seconds on a busy machine, and MoEngage waits for five.
        """
        calls = (
            ("POST", self.send_url()),
            ("POST", self.callback_url),
            ("GET", self.look_up_url("none")),
        )

        async def call(method: str, url: str) -> None:
            async with self._http.request(method, url) as answer:
                if answer.status != 401:
                    raise ProcessFailedError(f"{method} {url} answered {answer.status}")

        for method, url in calls:
            await asyncio.gather(*(call(method, url) for _ in range(CALLS_AT_ONCE)))

    async def _register_callback(self) -> None:
        """Register the bridge's callback URL through 8x8's webhook configuration API."""
        async with self._http.post(
            f"{self.eightx8_url}/api/v1/accounts/{ACCOUNT_ID}/webhooks",
            json=[self.webhook],
            headers={"Authorization": f"Bearer {self.eightx8_api_key}"},
        ) as answer:
            answer.raise_for_status()

    def _configure_connector(self) -> None:
        """Fill in MoEngage's forms: the senders first, then delivery tracking."""
        self.senders = senders(
            transactional_url=self.send_url(SUB_ACCOUNT_IDS[0]),
            promotional_url=self.send_url(SUB_ACCOUNT_IDS[1]),
            token=self.tokens.moengage,
            sender_id=SENDER_ID,
        )
        for sender in self.senders:
            self.moengage.save_sender(sender)
        self.moengage.save_delivery_tracking(SERVICE_PROVIDER, self.connector_id, DELIVERY_TRACKING)


@asynccontextmanager
async def _temporary_folder() -> AsyncIterator[Path]:
    """Make a folder that is removed again.

    It has tens of thousands of files by then, which take a busy disk a minute: nobody waits for it.
    """
    folder = tempfile.mkdtemp(prefix="sms-bridge-")
    try:
        yield Path(folder)
    finally:
        remover = await asyncio.create_subprocess_exec(
            *("sh", "-c", 'rm -rf "$0" &', folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        await remover.wait()
