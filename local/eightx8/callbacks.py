"""8x8's callbacks: where they go, and how often it tries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import aiohttp

from local.eightx8.records import CallbackAttempt

ALL_SUB_ACCOUNTS = "*"
MASK = "***"


class Target(NamedTuple):
    """Where an event goes."""

    url: str
    authorization: str = ""


Post = Callable[[Target, dict[str, Any]], Awaitable[int]]
"""Posts an event once; returns the HTTP status, 0 for none."""


class Webhooks:
    """The account's webhooks, one a sub-account and one for all."""

    def __init__(self) -> None:
        self._by_sub_account: dict[str, dict[str, Any]] = {}

    def put(self, webhooks: Iterable[dict[str, Any]]) -> None:
        """Add webhooks or replace those of the same sub-accounts."""
        for webhook in webhooks:
            self._by_sub_account[webhook["subAccountId"]] = {"enabled": True, **webhook}

    def delete(self, sub_account_ids: Iterable[str]) -> None:
        """Remove webhooks; ``*`` is the one for all, not all of them."""
        for sub_account_id in sub_account_ids:
            self._by_sub_account.pop(sub_account_id, None)

    def masked(self) -> list[dict[str, Any]]:
        """Return all of them without their secrets."""
        return [
            {**webhook, "httpAuthorization": MASK} if "httpAuthorization" in webhook else webhook
            for webhook in self._by_sub_account.values()
        ]

    def target(self, sub_account_id: str) -> Target | None:
        """Return where a sub-account's events go; its own webhook comes before the one for all."""
        for key in (sub_account_id, ALL_SUB_ACCOUNTS):
            webhook = self._by_sub_account.get(key)
            if webhook and webhook["enabled"]:
                return Target(webhook["url"], webhook.get("httpAuthorization", ""))
        return None


class CallbackSender:
    """Posts events, again where that fails, and then never again."""

    def __init__(
        self,
        between_retries: Iterable[float],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.attempts: list[CallbackAttempt] = []
        self._waits = (0.0, *between_retries)
        self._clock = clock
        self._sleep = sleep

    async def send(
        self, post: Post, event: dict[str, Any], target: Target, *, after: float = 0.0
    ) -> None:
        """Post one event, after some seconds, until it is accepted or the last retry has failed."""
        if after:
            await self._sleep(after)
        for number, wait in enumerate(self._waits, start=1):
            if wait:
                await self._sleep(wait)
            attempt = CallbackAttempt(event, target.url, number, at=self._clock())
            self.attempts.append(attempt)
            attempt.status = await post(target, event)
            if 0 < attempt.status < 400:
                return


class HttpPost:
    """Posts events over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, *, seconds: float) -> None:
        self._session = session
        # Not the total: the time until a connection of the pool is free is not the receiver's.
        self._timeout = aiohttp.ClientTimeout(sock_connect=seconds, sock_read=seconds)

    async def __call__(self, target: Target, event: dict[str, Any]) -> int:
        """Post an event once; returns the HTTP status, 0 for none."""
        headers = {"Authorization": target.authorization} if target.authorization else {}
        try:
            async with self._session.post(
                target.url,
                json=event,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout,
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
