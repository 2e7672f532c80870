"""The deployed bridge as a test sees it: calls to it, and what is written where."""

import asyncio
import io
import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from local.moengage import CampaignMessage, Sender
from local.stack import LocalStack
from sms_bridge.clock import timestamp

# For what takes six seconds at most when nothing else runs.
SECONDS_TO_WAIT = 30

NO_HEADERS: Mapping[str, str] = {}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Books:
    """What is written down: at 8x8, in MoEngage, and in the table."""

    requests: int
    messages: int
    reports: int
    items: int


class Bridge:
    """Calls the bridge over its front door."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(SECONDS_TO_WAIT), trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def number(self, ending: str = "0000") -> str:
        """Return a number that no other test has; its ending decides its fate at 8x8."""
        return f"+4479{next(self._numbers):04d}{ending}"

    async def call(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        data: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Make a request, with a bearer token if one is given."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._session.request(
            method,
            url,
            data=io.BytesIO(data) if data else None,
            headers={**headers, **authorization},
            skip_auto_headers=("Content-Type",),
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def post(self, url: str, body: object, token: str) -> Answer:
        """Post JSON."""
        data = json.dumps(body).encode()
        return await self.call("POST", url, token=token, data=data, headers=JSON)

    async def receive(self, event: object) -> Answer:
        """Give the bridge one of 8x8's callbacks."""
        return await self.post(self.stack.callback_url, event, self.stack.tokens.callback)

    async def send(
        self, *, destination: str, text: str = "Hello", sender: Sender | None = None
    ) -> CampaignMessage:
        """Send a message from MoEngage."""
        return await self.stack.moengage.send(
            sender or self.stack.senders.transactional, destination=destination, text=text
        )

    async def books(self) -> Books:
        """Count what is written down."""
        return Books(
            requests=len(self.stack.eightx8.requests),
            messages=len(self.stack.eightx8.messages),
            reports=len(self.stack.moengage.reports),
            items=len(await self.items()),
        )

    async def items(self) -> list[dict[str, Any]]:
        """Read the whole table."""

        def read() -> list[dict[str, Any]]:
            pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
                TableName=self.stack.deployment.messages_table
            )
            return [dict(item) for page in pages for item in page["Items"]]

        return await asyncio.to_thread(read)

    async def reported(self, *messages: CampaignMessage) -> None:
        """Wait until MoEngage has heard what became of one of them, and nothing more is coming."""
        await self.stack.moengage.until(
            lambda: any(message.reports for message in messages), SECONDS_TO_WAIT
        )
        await self.stack.eightx8.settled(SECONDS_TO_WAIT)
        await until(lambda: self.stack.outcomes_under_way() == 0)

    async def age(self, message: CampaignMessage, *, seconds: int, state: str) -> None:
        """Make it look as if a message had been sent so many seconds earlier and then got stuck."""
        long_ago = timestamp(time.time() - seconds)

        def write() -> None:
            self.stack.aws.dynamodb.update_item(
                TableName=self.stack.deployment.messages_table,
                Key={"id": {"S": message.unique_id}},
                UpdateExpression="SET accepted_at = :at, attempt_at = :at, #state = :state",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":at": {"S": long_ago}, ":state": {"S": state}},
            )

        await asyncio.to_thread(write)

    def sms_to(self, destination: str) -> int:
        """Count the SMS that 8x8 has for a number."""
        return sum(one.destination == destination for one in self.stack.eightx8.messages)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; it is asked in a thread.

    Raises
    ------
    TimeoutError
        It is not so in time.
    """
    async with asyncio.timeout(SECONDS_TO_WAIT):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.1)
