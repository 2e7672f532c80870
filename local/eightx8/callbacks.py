"""Where 8x8's callbacks go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

ALL_SUB_ACCOUNTS = "*"
MASK = "***"


class Target(NamedTuple):
    url: str
    authorization: str = ""


Post = Callable[[Target, dict[str, Any]], Awaitable[int]]
"""Posts an event once; returns the HTTP status, 0 for none."""


class Webhooks:
    """The account's webhooks, one a sub-account and one for all."""

    def __init__(self) -> None:
        self._by_sub_account: dict[str, dict[str, Any]] = {}

    def put(self, webhooks: Iterable[dict[str, Any]]) -> None:
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
