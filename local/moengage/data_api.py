"""MoEngage's Data API, as far as *Track User* goes."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from aiohttp import encode_basic_auth, web

from local.moengage.changes import Changing

BODY_LIMIT_BYTES = 128 * 1024
# MoEngage takes none of them for an id.
_NO_IDS = frozenset(
    {"unknown", "guest", "null", "0", "1", "true", "false", "user_attribute_unique_id", ""}
)


class DataApi(Changing):
    """Adds users of a workspace and sets their attributes.

    What is wrong with a request is answered 400, and wrong credentials 401; MoEngage documents
    the statuses, not which fault has which.

    Parameters
    ----------
    workspace_id, api_key
        The credentials.
    identifiers
        Attributes by which the workspace knows users beside their id (its identity resolution).
    """

    def __init__(
        self, workspace_id: str, api_key: str, *, identifiers: tuple[str, ...] = ("moe_mobile",)
    ) -> None:
        super().__init__()
        self.workspace_id = workspace_id
        self.api_key = api_key
        self.users: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.refused: list[int] = []
        self._identifiers = identifiers

    def routes(self) -> list[web.RouteDef]:
        """Return the API's routes."""
        return [web.post("/v1/customer/{workspace_id}", self._track_user)]

    async def _track_user(self, request: web.Request) -> web.Response:
        content = await request.read()
        status = self._status_for(request, content)
        if status == 200:
            body = json.loads(content)
            self.users[self._id_of(body)].update(body["attributes"])
        else:
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
        is_one = isinstance(body, dict) and isinstance(body.get("attributes"), dict)
        if request.content_type != "application/json" or not is_one:
            return 400
        return 200 if body.get("type") == "customer" and self._id_of(body) not in _NO_IDS else 400

    def _id_of(self, body: dict[str, Any]) -> str:
        """Return by what a request knows the user; empty where it is by nothing."""
        values = (body.get("customer_id"), *(body["attributes"].get(i) for i in self._identifiers))
        return next((one for one in values if isinstance(one, str) and one), "")
