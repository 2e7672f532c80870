"""The deployed bridge as a test sees it: calls to it, and what is written where.

What 8x8 and MoEngage do, and what they have, goes through the console's control API.
"""

import asyncio
import io
import itertools
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from local.stack import LocalStack
from sms_bridge.domain.clock import timestamp
from tests.end_to_end.control_api import ControlApi, SentMessage

# For what takes six seconds at most when nothing else runs.
SECONDS_TO_WAIT = 60

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


class Bridge:
    """Calls the bridge over its front door."""

    def __init__(self, stack: LocalStack, control: ControlApi) -> None:
        self.stack = stack
        self.control = control
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
        """Return a number that no other test has; 8x8 goes by its ending."""
        return f"+4479{next(self._numbers):04d}{ending}"

    async def call(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request, with a bearer token if one is given."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._session.request(
            method,
            url,
            data=io.BytesIO(data) if data else None,
            headers={**(headers or {}), **authorization},
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

    async def send(self, *, destination: str, text: str = "Hello") -> SentMessage:
        """Send a transactional message from MoEngage."""
        return await self.control.send(number=destination, text=text)

    async def books(self) -> dict[str, int]:
        """Count what is written down: at 8x8, in MoEngage, and in the table."""
        counts = await self.control.counts()
        # What closes a chain of claims is written in the first minutes of a period only.
        items = sum("closes_window" not in item for item in await self.items())
        return {name: counts[name] for name in ("requests", "sms", "reports")} | {"items": items}

    async def items(self) -> list[dict[str, Any]]:
        """Read the whole table."""

        def read() -> list[dict[str, Any]]:
            pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
                TableName=self.stack.deployment.messages_table
            )
            return [dict(item) for page in pages for item in page["Items"]]

        return await asyncio.to_thread(read)

    async def again(self, messages: Iterable[SentMessage]) -> list[SentMessage]:
        """Ask once more what MoEngage knows of messages."""
        return [await self.control.message(message.key) for message in messages]

    async def all_reported(
        self, messages: Iterable[SentMessage], seconds: float = SECONDS_TO_WAIT
    ) -> list[SentMessage]:
        """Wait until MoEngage has a report of each; gives them as they are then."""
        known = list(messages)

        async def look() -> list[SentMessage]:
            return await self.again(known)

        return await self.control.until(
            look, lambda found: all(one.reports for one in found), seconds
        )

    async def reported(self, *repeats: SentMessage) -> SentMessage:
        """Wait until MoEngage has a report of a message, and nothing more is coming.

        MoEngage files a report with the last message that was answered with its id: gives that one.
        """
        found = await self.control.until(
            lambda: self.again(repeats), lambda found: any(one.reports for one in found)
        )
        await self.quiet()
        [reported] = [one for one in found if one.reports]
        return await self.control.message(reported.key)

    async def quiet(self) -> None:
        """Wait until neither 8x8 nor the bridge has anything more to do."""
        await self.control.settled()
        await self.control.until(
            lambda: asyncio.to_thread(self.stack.outcomes_under_way), lambda count: count == 0
        )

    async def age(self, message_id: str, *, seconds: int, state: str) -> None:
        """Make it look as if a message had been sent so many seconds earlier and then got stuck."""
        long_ago = timestamp(time.time() - seconds)

        def write() -> None:
            self.stack.aws.dynamodb.update_item(
                TableName=self.stack.deployment.messages_table,
                Key={"id": {"S": message_id}},
                UpdateExpression="SET accepted_at = :at, attempt_at = :at, #state = :state",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":at": {"S": long_ago}, ":state": {"S": state}},
            )

        await asyncio.to_thread(write)

    async def sms_to(self, destination: str) -> int:
        """Count the SMS that 8x8 has for a number."""
        return sum(one["number"] == destination for one in await self.control.sms())
