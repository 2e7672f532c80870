"""8x8's callbacks: where they go, and how often it tries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import aiohttp

from local.eightx8.pace import Pace
from local.eightx8.records import CallbackAttempt

ALL_SUB_ACCOUNTS = "*"
MASK = "***"


class Target(NamedTuple):
    """Where an event goes.

    Attributes
    ----------
    authorization
        Value of the ``Authorization`` header, empty for none.
    """

    url: str
    authorization: str = ""


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
    """Posts events, again where that fails, and then never again.

    Attributes
    ----------
    attempts
        Every try, in order.
    """

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.attempts: list[CallbackAttempt] = []
        self._pace = pace
        self._clock = clock
        self._sleep = sleep

    async def send(
        self, session: aiohttp.ClientSession, event: dict[str, Any], target: Target
    ) -> None:
        """Post one event until it is taken or the last retry has failed."""
        for number, wait in enumerate((0.0, *self._pace.between_retries), start=1):
            if wait:
                await self._sleep(wait)
            attempt = CallbackAttempt(event, target.url, number, at=self._clock())
            self.attempts.append(attempt)
            attempt.status = await self._post(session, event, target)
            if 0 < attempt.status < 400:
                return

    async def _post(
        self, session: aiohttp.ClientSession, event: dict[str, Any], target: Target
    ) -> int:
        headers = {"Authorization": target.authorization} if target.authorization else {}
        seconds = self._pace.callback_timeout
        try:
            async with session.post(
                target.url,
                json=event,
                headers=headers,
                allow_redirects=False,
                # Not the total: the time until a connection of the pool is free is not the
                # receiver's.
                timeout=aiohttp.ClientTimeout(sock_connect=seconds, sock_read=seconds),
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
