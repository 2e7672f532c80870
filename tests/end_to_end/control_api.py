"""Drives and asks the local stack's simulators through the control API, as the page does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

import aiohttp

_SECONDS_BETWEEN_LOOKS = 0.1

Method = Literal["GET", "PUT", "POST", "DELETE"]
Rows = list[dict[str, Any]]


class RefusedError(Exception):
    """The control API did not do it."""

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {content.get('field', '')}: {content.get('message', '')}")
        self.status = status
        self.field: str = content.get("field", "")


@dataclass(frozen=True)
class SentMessage:
    """One of MoEngage's messages, as it was when it was asked for.

    Attributes
    ----------
    key
        By which it is asked for.
    unique_id
        What the bridge answered, empty where it refused.
    destination
        The number as MoEngage has it.
    belief
        What MoEngage's campaign page shows: ``sending``, ``not sent``, ``sent``, ``delivered`` or
        ``failed``.
    reason
        Why it failed.
    statuses
        Of the answers to the webhook, 0 for none.
    reports
        Those that count, as they came.
    content
        The control API's whole answer.
    """

    key: str
    unique_id: str
    destination: str
    belief: str
    reason: str
    statuses: tuple[int, ...]
    reports: tuple[Mapping[str, Any], ...]
    content: Mapping[str, Any]

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Read the control API's answer."""
        return cls(
            key=content["key"],
            unique_id=content["messageId"],
            destination=content["number"],
            belief=content["verdict"]["status"],
            reason=content["reason"],
            statuses=tuple(answer["httpStatus"] for answer in content["answers"]),
            reports=tuple(one["content"] for one in content["reports"] if one["counts"]),
            content=content,
        )


class ControlApi:
    """Calls the control API."""

    def __init__(self, session: aiohttp.ClientSession, seconds: float) -> None:
        self._session = session
        self._seconds = seconds

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, *, seconds: float = 30) -> AsyncIterator[Self]:
        """Call the console at an address."""
        timeout = aiohttp.ClientTimeout(seconds)
        async with aiohttp.ClientSession(url, timeout=timeout, trust_env=False) as session:
            yield cls(session, seconds)

    async def call(self, method: Method, path: str, form: Any = None) -> Any:
        """Make one call; gives the answer's content."""
        # What changes something must be JSON, also where it says nothing.
        json = None if method == "GET" else {} if form is None else form
        async with self._session.request(method, f"/api/{path}", json=json) as answer:
            content = await answer.json()
            if answer.status != 200:
                raise RefusedError(answer.status, content)
            return content

    async def until[Found](
        self,
        look: Callable[[], Awaitable[Found]],
        so: Callable[[Found], bool],
        seconds: float | None = None,
    ) -> Found:
        """Look again and again until it is so; gives what was seen then."""
        async with asyncio.timeout(self._seconds if seconds is None else seconds):
            while not so(found := await look()):
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            return found

    # ------------------------------------------------------------------------------------ MoEngage
    async def send(self, *, number: str, text: str, sender: int = 0, **changes: Any) -> SentMessage:
        """Send a test SMS with the form of one of this stack's senders, by its place."""
        settings = await self.call("GET", "settings")
        form = {**settings["thisStack"][sender], **changes}
        test = {"sender": form, "number": number, "text": text}
        return SentMessage.read(await self.call("POST", "moengage/test-sms", test))

    async def message(self, key: str) -> SentMessage:
        """Ask what is known of a message now."""
        return SentMessage.read(await self.call("GET", f"messages/{key}"))

    async def messages(self, *unique_ids: str) -> list[SentMessage]:
        """Find messages by the ids that the bridge gave them."""
        keys = {row["messageId"]: row["key"] for row in await self.call("GET", "messages")}
        return [await self.message(keys[one]) for one in unique_ids]

    async def refuse_reports(self, count: int) -> None:
        """Have MoEngage answer the next reports with 503."""
        await self.call("PUT", "moengage/refusals", {"reports": count})

    async def reports(self, since: int = 0) -> Rows:
        """List the reports that MoEngage got, from this place on."""
        return await self._rows("moengage/reports", since)

    async def attributes(self, user: str) -> dict[str, Any]:
        """Read what MoEngage knows of a person."""
        users: dict[str, dict[str, Any]] = (await self.call("GET", "moengage/users"))["users"]
        return users.get(user, {})

    # --------------------------------------------------------------------------- 8x8 and the phone
    async def instruct(self, course: str, *, messages: int = 1, **details: Any) -> None:
        """Tell 8x8 what to do with the next messages; with 0, with all from now on."""
        form = {"course": course, "messages": messages, **details}
        await self.call("PUT", "eightx8/instructions", form)

    async def save_api_keys(self, *api_keys: str) -> None:
        """Have 8x8 take these API keys and no others."""
        await self.call("PUT", "eightx8/api-keys", {"apiKeys": api_keys})

    async def reply(self, *, number: str, text: str, sub_account_id: str) -> str:
        """Let a person text a sub-account's number; gives the umid of the SMS."""
        form = {"number": number, "text": text, "subAccountId": sub_account_id}
        umid: str = (await self.call("POST", "phone/replies", form))["umid"]
        return umid

    async def click(self, umid: str) -> None:
        """Let a person open the link in an SMS."""
        await self.call("POST", "phone/clicks", {"umid": umid})

    async def requests(self, since: int = 0) -> Rows:
        """List the send requests that 8x8 got, from this place on."""
        return await self._rows("eightx8/requests", since)

    async def sms(self, since: int = 0) -> Rows:
        """List the messages that 8x8 has, from this place on."""
        return await self._rows("eightx8/sms", since)

    async def callbacks(self, since: int = 0) -> Rows:
        """List 8x8's attempts at a callback, from this place on."""
        return await self._rows("eightx8/callbacks", since)

    async def counts(self) -> dict[str, int]:
        """Count what 8x8 and MoEngage have written down."""
        counts: dict[str, int] = await self.call("GET", "books")
        return counts

    async def settled(self, seconds: float | None = None) -> None:
        """Wait until no message, callback or retry is under way at 8x8."""
        await self.until(self.counts, lambda counts: not counts["underWay"], seconds)

    async def _rows(self, path: str, since: int) -> Rows:
        rows: Rows = await self.call("GET", f"{path}?since={since}")
        return rows
