"""A running simulator of 8x8, a receiver of its callbacks, and a time that tests turn."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from local.eightx8 import EightX8Simulator, Pace
from local.servers import serve

ACCOUNT = "5fe6a9c0-1c5b-4d0e-9a31-6c1f3b5d7e90"
SUB_ACCOUNT = "Acme_Transactional"
OTHER_SUB_ACCOUNT = "Acme_Promotional"
KEY = "key-1"
NUMBER = "+6591234567"
AUTHORIZATION = "Bearer callback-token"
TIMEOUT = 10.0
"""Real seconds after which a test gives up."""


class TurnableTime:
    """Seconds since the epoch. Sleepers wake in order when the time is turned, without waiting."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), waking))
        await waking

    async def turn_until_settled(self, pending: Callable[[], int]) -> None:
        """Let everything happen: whenever all that is pending sleeps, wake the next sleeper."""
        async with asyncio.timeout(TIMEOUT):
            while pending():
                if pending() == len(self._sleepers):
                    self.now, _, waking = heapq.heappop(self._sleepers)
                    waking.set_result(None)
                await asyncio.sleep(0)


@dataclass
class Receiver:
    """Takes callbacks; answers with ``statuses`` in turn, the last one again and again."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    events: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        self.paths.append(request.path)
        self.authorizations.append(request.headers.get("Authorization"))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        headers = {"Location": "/elsewhere"} if status == 302 else {}
        return web.Response(status=status, headers=headers)

    @property
    def states(self) -> list[str]:
        return [event["payload"]["status"]["state"] for event in self.events]

    def has(self, state: str) -> dict[str, Any]:
        """Return the payload of the event with this state."""
        payload: dict[str, Any] = self.events[self.states.index(state)]["payload"]
        return payload


@dataclass
class Setting:
    """Everything that a test of the simulator needs."""

    simulator: EightX8Simulator
    url: str
    session: aiohttp.ClientSession
    receiver: Receiver
    time: TurnableTime
    answer_headers: Mapping[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, *, key: str | None = KEY, **options: Any
    ) -> tuple[int, Any]:
        """Call the API; gives the status and the JSON of the answer, ``None`` if it is empty."""
        headers = options.pop("headers", {})
        if key is not None:
            headers = {**headers, "Authorization": f"Bearer {key}"}
        async with self.session.request(
            method, f"{self.url}{path}", headers=headers, **options
        ) as answer:
            content, self.answer_headers = await answer.read(), answer.headers
            return answer.status, await answer.json() if content else None

    async def refusal(self, method: str, path: str, **options: Any) -> tuple[int, int]:
        """Call the API; gives the status and 8x8's code of the error."""
        status, error = await self.call(method, path, **options)
        return status, error["code"]

    async def send(self, *, sub_account: str = SUB_ACCOUNT, **fields: Any) -> tuple[int, Any]:
        """Send one message, a good one changed by the fields."""
        body = {"destination": NUMBER, "text": "Your order has shipped", **fields}
        return await self.call("POST", f"{messages_path(sub_account)}", json=body)

    async def send_batch(self, *messages: dict[str, Any], **fields: Any) -> tuple[int, Any]:
        """Send a batch; what a message leaves out is that of a good one."""
        body = {"messages": messages, "template": {"text": "Hello"}, **fields}
        return await self.call("POST", BATCH, json=body)

    async def register(self, **fields: Any) -> None:
        """Register the receiver for all sub-accounts, changed by the fields."""
        webhook = {
            "subAccountId": "*",
            "url": f"{self.receiver.url}/account",
            "httpAuthorization": AUTHORIZATION,
            **fields,
        }
        status, _ = await self.call("POST", WEBHOOKS, json=[webhook])
        assert status == 200

    @property
    def sent_states(self) -> list[str]:
        """The state in each callback, in the order in which they were sent."""
        attempts = self.simulator.callbacks
        return [attempt.event["payload"]["status"]["state"] for attempt in attempts]

    async def settle(self) -> None:
        await self.time.turn_until_settled(lambda: self.simulator.pending)


WEBHOOKS = f"/api/v1/accounts/{ACCOUNT}/webhooks"


def messages_path(sub_account: str = SUB_ACCOUNT) -> str:
    return f"/api/v1/subaccounts/{sub_account}/messages"


BATCH = f"{messages_path()}/batch"


@asynccontextmanager
async def a_setting(pace: Pace = Pace()) -> AsyncIterator[Setting]:  # noqa: B008 - frozen
    """Start everything."""
    time = TurnableTime()
    receiver = Receiver()
    simulator = EightX8Simulator(
        account_id=ACCOUNT,
        sub_account_ids=[SUB_ACCOUNT, OTHER_SUB_ACCOUNT],
        api_keys=[KEY],
        pace=pace,
        clock=time.clock,
        sleep=time.sleep,
    )
    application = web.Application()
    application.router.add_post("/{path:.*}", receiver.take)
    async with (
        serve(application) as receiver.url,
        simulator.running() as url,
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT), trust_env=False
        ) as session,
    ):
        yield Setting(simulator, url, session, receiver, time)
