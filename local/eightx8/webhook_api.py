"""8x8's Webhook Configuration API."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local.eightx8.callbacks import ALL_SUB_ACCOUNTS
from local.eightx8.contract import faults_of
from local.eightx8.gate import check_key, json_of
from local.eightx8.platform import Platform
from local.eightx8.refusals import Refusal, foreign_sub_account, invalid


class WebhookApi:
    """Reads and changes the webhooks of the account."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        webhooks = "/api/v1/accounts/{accountId}/webhooks"
        return [
            web.get(webhooks, self._get),
            web.post(webhooks, self._post),
            web.delete(webhooks, self._delete),
        ]

    async def _get(self, request: web.Request) -> web.Response:
        self._admit(request)
        return web.json_response(self._platform.webhooks.masked())

    async def _post(self, request: web.Request) -> web.Response:
        webhooks = await self._read(request, "Webhooks")
        if self._platform.has_old_webhook:
            raise Refusal(
                400,
                1000,
                "Unable to setup the webhook of the new format. "
                "There is an existing webhook with Version = V1",
            )
        if any("oauth" in webhook for webhook in webhooks):
            # 8x8 fetches a token then. The bridge offers no token endpoint, so neither is this
            # simulated; nobody shall believe that it is.
            raise Refusal(400, 1000, "OAuth is not simulated")
        self._platform.webhooks.put(webhooks)
        return web.Response()

    async def _delete(self, request: web.Request) -> web.Response:
        webhooks = await self._read(request, "WebhooksDelete")
        self._platform.webhooks.delete(webhook["subAccountId"] for webhook in webhooks)
        return web.Response()

    async def _read(self, request: web.Request, schema: str) -> list[dict[str, Any]]:
        self._admit(request)
        webhooks: list[dict[str, Any]] = json_of(request, await request.read())
        if faults := faults_of(schema, webhooks):
            raise invalid("webhook", faults[0].text)
        known = {ALL_SUB_ACCOUNTS, *self._platform.sub_account_ids}
        if any(webhook["subAccountId"] not in known for webhook in webhooks):
            raise foreign_sub_account()
        return webhooks

    def _admit(self, request: web.Request) -> None:
        check_key(self._platform, request)
        if request.match_info["accountId"] != self._platform.account_id:
            raise Refusal(403, 1201, "Access to this account is forbidden")
