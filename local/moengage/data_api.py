"""MoEngage's Data API, as far as *Track User* and *Track Event* go."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from aiohttp import encode_basic_auth, web

BODY_LIMIT_BYTES = 128 * 1024
# MoEngage takes none of them for an id.
_NO_IDS = frozenset(
    {"unknown", "guest", "null", "0", "1", "true", "false", "user_attribute_unique_id", ""}
)
# Names with it are the system's own.
_SYSTEM_PREFIX = "moe_"
# By these the workspace knows users beside their id (its identity resolution).
_IDENTIFIERS = ("moe_mobile",)


@dataclass(frozen=True, slots=True)
class UserEvent:
    """What a user did, and when: seconds since the epoch."""

    user: str
    action: str
    attributes: dict[str, Any]
    at: float


class _RefusedError(Exception):
    """A request is not as documented, or its credentials are wrong."""

    def __init__(self, status: int = 400) -> None:
        super().__init__()
        self.status = status


class DataApi:
    """Adds users of a workspace, sets their attributes and tracks their events.

    What is wrong with a request is answered 400, and wrong credentials 401; MoEngage documents
    the statuses, not which fault has which.

    Parameters
    ----------
    workspace_id, api_key
        The credentials.
    clock
        Seconds since the epoch. No event of the future is taken.
    """

    def __init__(
        self, workspace_id: str, api_key: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.workspace_id = workspace_id
        self.api_key = api_key
        self.users: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.events: list[UserEvent] = []
        self.refused: list[int] = []
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/customer/{workspace_id}", partial(self._answer, self._track_user)),
            web.post("/v1/event/{workspace_id}", partial(self._answer, self._track_event)),
        ]

    def _track_user(self, body: dict[str, Any]) -> None:
        attributes = body.get("attributes")
        if body.get("type") != "customer" or not isinstance(attributes, dict):
            raise _RefusedError
        self.users[_id_of(body, attributes)].update(attributes)

    def _track_event(self, body: dict[str, Any]) -> None:
        identifiers, actions = body.get("user_identifiers", {}), body.get("actions")
        if body.get("type") != "event" or not isinstance(identifiers, dict):
            raise _RefusedError
        user = _id_of(body, identifiers)
        if not isinstance(actions, list) or not actions:
            raise _RefusedError
        self.events += [self._event(user, action) for action in actions]

    def _event(self, user: str, action: Any) -> UserEvent:
        if not isinstance(action, dict):
            raise _RefusedError
        name, attributes = action.get("action"), action.get("attributes", {})
        at = _moment(action.get("current_time", self._clock()))
        if not isinstance(name, str) or not name or not isinstance(attributes, dict):
            raise _RefusedError
        if any(one.startswith(_SYSTEM_PREFIX) for one in (name, *attributes)):
            raise _RefusedError
        if at > self._clock():
            raise _RefusedError
        return UserEvent(user, name, attributes, at)

    async def _answer(
        self, take: Callable[[dict[str, Any]], None], request: web.Request
    ) -> web.Response:
        """Answer a request whose body ``take`` takes in, if it is as documented."""
        try:
            take(self._body_of(request, await request.read()))
        except _RefusedError as error:
            self.refused.append(error.status)
            return web.json_response({"status": "fail"}, status=error.status)
        message = "Your request has been accepted and will be processed soon."
        return web.json_response({"status": "success", "message": message})

    def _body_of(self, request: web.Request, content: bytes) -> dict[str, Any]:
        credentials = encode_basic_auth(self.workspace_id, self.api_key)
        named = (request.match_info["workspace_id"], request.headers.get("MOE-APPKEY", ""))
        if request.headers.get("Authorization") != credentials:
            raise _RefusedError(401)
        if named != (self.workspace_id, self.workspace_id):
            raise _RefusedError(401)
        if len(content) > BODY_LIMIT_BYTES:
            raise _RefusedError(413)
        try:
            body = json.loads(content)
        except ValueError:
            raise _RefusedError from None
        if request.content_type != "application/json" or not isinstance(body, dict):
            raise _RefusedError
        return body


def _id_of(body: dict[str, Any], identifiers: dict[str, Any]) -> str:
    """Return by what a request knows the user."""
    values = (body.get("customer_id"), *(identifiers.get(one) for one in _IDENTIFIERS))
    user = next((one for one in values if isinstance(one, str) and one), "")
    if user in _NO_IDS:
        raise _RefusedError
    return user


def _moment(value: Any) -> float:
    """Return a time: seconds since the epoch, or ISO 8601 with an offset."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _RefusedError from None
    if moment.tzinfo is None:
        raise _RefusedError
    return moment.timestamp()
