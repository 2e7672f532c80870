"""Three things that go wrong in real life, made on the local stack for practice.

Each is made where it would happen: at 8x8 or in MoEngage, with the stack itself untouched. `bridge`
finds and mends them.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER
from local.servers import serve
from local.stack import LocalStack

HOOK = "/another/system"
# Their ending decides what 8x8's simulator makes of them.
DELIVERED, REJECTED_AT_ONCE = "+6581110000", "+6581110003"


@dataclass(frozen=True)
class Faults:
    """What went wrong, and what somebody needs to mend it.

    Attributes
    ----------
    new_key
        8x8's API key, after the one that the secret holds was revoked.
    new_tracking_url
        What MoEngage shows, after the sender was deleted and made again.
    without_receipt, without_report, refused
        The id of a message that each fault hit.
    """

    new_key: str
    new_tracking_url: str
    without_receipt: str
    without_report: str
    refused: str


@asynccontextmanager
async def faults(stack: LocalStack) -> AsyncIterator[Faults]:
    """Make them one after the other, and send a message into each.

    At the end the old key and the old URL are good again, beside the new ones, and 8x8's receipts
    come, whatever was mended.
    """
    old_key, old_connector_id = stack.eightx8_api_key, stack.connector_id

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    # Gets the receipts in the bridge's place, and takes them.
    another_system = web.Application()
    another_system.router.add_post(HOOK, take)
    async with serve(another_system) as url:
        try:
            yield await _make(stack, f"{url}{HOOK}")
        finally:
            stack.eightx8.api_keys.add(old_key)
            stack.moengage.save_delivery_tracking(
                SERVICE_PROVIDER, old_connector_id, DELIVERY_TRACKING
            )
            stack.eightx8.webhooks.put([stack.webhook])


async def _make(stack: LocalStack, another_url: str) -> Faults:
    stack.eightx8.webhooks.put([{"subAccountId": "*", "url": another_url, "enabled": True}])
    without_receipt = await _send(stack, DELIVERED)

    connector_id = secrets.token_hex(8)
    stack.moengage.renew_connector(stack.connector_id, connector_id)
    stack.connector_id = connector_id
    without_report = await _send(stack, REJECTED_AT_ONCE)

    stack.eightx8.api_keys.remove(stack.eightx8_api_key)
    stack.eightx8_api_key = secrets.token_urlsafe(32)
    stack.eightx8.api_keys.add(stack.eightx8_api_key)
    refused = await _send(stack, DELIVERED)
    return Faults(
        new_key=stack.eightx8_api_key,
        new_tracking_url=stack.delivery_tracking_url,
        without_receipt=without_receipt,
        without_report=without_report,
        refused=refused,
    )


async def _send(stack: LocalStack, destination: str) -> str:
    # No two are alike, or the later one would be a repeat.
    text = f"Practice {secrets.token_hex(4)}"
    message = await stack.moengage.send(
        stack.senders.transactional, destination=destination, text=text
    )
    return message.unique_id
