"""What every request to 8x8 passes first: key, account, rate limit, and the form of errors."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local.eightx8.platform import Platform
from local.eightx8.refusals import Refusal, foreign_sub_account, invalid


def check_key(platform: Platform, request: web.Request) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or key.strip() not in platform.api_keys:
        raise Refusal(401, 1200, "Request was not authenticated properly")


def check_sub_account(platform: Platform, request: web.Request) -> str:
    """Refuse a request without a valid key or to another's sub-account; return the sub-account."""
    check_key(platform, request)
    sub_account_id = request.match_info["subAccountId"]
    if sub_account_id not in platform.sub_account_ids:
        raise foreign_sub_account()
    return sub_account_id


def json_of(request: web.Request, content: bytes) -> Any:
    """Read a body.

    A compressed one is not read: 8x8 does not document that it would be.
    """
    if request.content_type != "application/json":
        raise Refusal(400, 1000, "Content-Type must be application/json")
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise invalid("") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and the infinities are Python's, not JSON's


def errors_of(platform: Platform) -> Middleware:
    """Return the middleware that gives every error the form of 8x8's."""

    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as error:
            refusal = error
        except web.HTTPException as error:
            if error.status < 400:
                raise
            refusal = Refusal(error.status, 1300 if error.status == 404 else 1000, error.reason)
        body = refusal.body(platform.new_id(), platform.clock())
        return web.json_response(body, status=refusal.status, headers=refusal.headers)

    return errors
