"""MoEngage's Data API, as far as *Track User* and *Track Event* go."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import encode_basic_auth, web

from local.moengage.changes import Changing

BODY_LIMIT_BYTES = 128 * 1024
# MoEngage takes none of them for an id.
_NO_IDS = frozenset(
    {"unknown", "guest", "null", "0", "1", "true", "false", "user_attribute_unique_id", ""}
)


# Names with it are the system's own.
_SYSTEM_PREFIX = "moe_"


@dataclass(frozen=True, slots=True)
class UserEvent:
    """What a user did.

    Attributes
    ----------
    at
        When, seconds since the epoch.
    """

    user: str
    action: str
    attributes: dict[str, Any]
    at: float


class DataApi(Changing):
    """Adds users of a workspace, sets their attributes and tracks their events.

    What is wrong with a request is answered 400, and wrong credentials 401; MoEngage documents
    the statuses, not which fault has which.

    Parameters
    ----------
    workspace_id, api_key
        The credentials.
    identifiers
        Attributes by which the workspace knows users beside their id (its identity resolution).
    clock
        Seconds since the epoch. No event of the future is taken.
    """

    def __init__(
        self,
        workspace_id: str,
        api_key: str,
        *,
        identifiers: tuple[str, ...] = ("moe_mobile",),
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.workspace_id = workspace_id
        self.api_key = api_key
        self.users: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.events: list[UserEvent] = []
        self.refused: list[int] = []
        self._identifiers = identifiers
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the API's routes."""
        return [
            web.post("/v1/customer/{workspace_id}", self._track_user),
            web.post("/v1/event/{workspace_id}", self._track_event),
        ]

    async def _track_user(self, request: web.Request) -> web.Response:
        def take(body: dict[str, Any]) -> bool:
            attributes = body.get("attributes")
            if body.get("type") != "customer" or not isinstance(attributes, dict):
                return False
            user = self._id_of(body, attributes)
            if user in _NO_IDS:
                return False
            self.users[user].update(attributes)
            return True

        return await self._answer(request, take)

    async def _track_event(self, request: web.Request) -> web.Response:
        def take(body: dict[str, Any]) -> bool:
            identifiers, actions = body.get("user_identifiers", {}), body.get("actions")
            if body.get("type") != "event" or not isinstance(identifiers, dict):
                return False
            user = self._id_of(body, identifiers)
            if user in _NO_IDS or not isinstance(actions, list) or not actions:
                return False
            events = [self._event(user, action) for action in actions]
            known = [one for one in events if one is not None]
            if len(known) < len(events):
                return False
            self.events += known
            return True

        return await self._answer(request, take)

    def _event(self, user: str, action: Any) -> UserEvent | None:
        """Return an action that is as documented, ``None`` for any other."""
        if not isinstance(action, dict):
            return None
        name, attributes = action.get("action"), action.get("attributes", {})
        at = _moment(action.get("current_time", self._clock()))
        if not isinstance(name, str) or not name or not isinstance(attributes, dict):
            return None
        if any(one.startswith(_SYSTEM_PREFIX) for one in (name, *attributes)):
            return None
        is_past = at is not None and at <= self._clock()
        return UserEvent(user, name, attributes, at) if at is not None and is_past else None

    async def _answer(
        self, request: web.Request, take: Callable[[dict[str, Any]], bool]
    ) -> web.Response:
        """Answer a request whose body ``take`` takes in, if it is as documented."""
        content = await request.read()
        status = self._status_for(request, content)
        if status == 200 and not take(json.loads(content)):
            status = 400
        if status != 200:
            self.refused.append(status)
        await self._has_changed()
        if status != 200:
            return web.json_response({"status": "fail"}, status=status)
        return web.json_response(
            {
                "status": "success",
                "message": "Your request has been accepted and will be processed soon.",
            }
        )

    def _status_for(self, request: web.Request, content: bytes) -> int:
        credentials = encode_basic_auth(self.workspace_id, self.api_key)
        named = (request.match_info["workspace_id"], request.headers.get("MOE-APPKEY", ""))
        if request.headers.get("Authorization") != credentials:
            return 401
        if named != (self.workspace_id, self.workspace_id):
            return 401
        if len(content) > BODY_LIMIT_BYTES:
            return 413
        try:
            body = json.loads(content)
        except ValueError:
            return 400
        is_json = request.content_type == "application/json" and isinstance(body, dict)
        return 200 if is_json else 400

    def _id_of(self, body: dict[str, Any], identifiers: dict[str, Any]) -> str:
        """Return by what a request knows the user; empty where it is by nothing."""
        values = (body.get("customer_id"), *(identifiers.get(one) for one in self._identifiers))
        return next((one for one in values if isinstance(one, str) and one), "")


def _moment(value: Any) -> float | None:
    """Return a time: seconds since the epoch, or ISO 8601 with an offset."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment.tzinfo else None
