"""Keeps web pages and other users of this machine away from the local stack.

Everything here listens on loopback, which any page that is open in a browser can reach as well, and
so can every user of the machine. The rules are one function for all servers. The AWS emulator runs
behind them as well, and takes only calls that carry the access key id of this run: it executes code
for its callers.

Needs the standard library alone: the emulator's interpreter runs this file.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from importlib import import_module
from typing import Any

LOOPBACK_NAMES = ("127.0.0.1", "localhost")
CONTAINERS_NAME = "host.docker.internal"
"""How a container calls this machine; no page can be at this name."""

Pairs = Iterable[tuple[str, str]]
"""Headers as they came."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_API_HOST = re.compile(r"[a-f0-9]{8}\.execute-api\.localhost")
_KEY_ID = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/")
# Where a custom resource's function puts its answer: unsigned, with a token of its own.
_ANSWER_TO_CLOUDFORMATION = re.compile(r"/_ministack/cfn-response/[\w-]{32,}")


def refusal_of(headers: Pairs, port: int, *, page: bool = False) -> str:
    """Say why a request is not let in; empty where it is.

    Parameters
    ----------
    port
        Where the server listens.
    page
        Whether the server has a page of its own, which may call it.
    """
    named = _by_name(headers)
    host = named.get("host", [])
    names = LOOPBACK_NAMES if page else (*LOOPBACK_NAMES, CONTAINERS_NAME)
    if len(host) != 1 or host[0] not in {f"{name}:{port}" for name in names}:
        return "Only this machine's loopback address is answered."
    own = [f"http://{host[0]}"] if page else []
    if any(origin not in own for origin in named.get("origin", [])) or any(
        site not in ("none", "same-origin") for site in named.get("sec-fetch-site", [])
    ):
        return "Another site may not call this."
    return ""


class GuardedEmulator:
    """The emulator's ASGI application with the guard before it."""

    def __init__(self, application: Asgi, *, port: int, access_key_id: str) -> None:
        self._application = application
        self._port = port
        self._access_key_id = access_key_id.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            headers = [
                (name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]
            ]
            is_api_call, headers = self._as_loopback(headers)
            refusal = refusal_of(headers, self._port)
            if not refusal and not is_api_call and not self._is_signed(scope, headers):
                refusal = "The access key id of this run is missing."
            if refusal:
                await _refuse(send, refusal)
                return
            if is_api_call:
                scope = _within_stage(scope)
        await self._application(scope, receive, send)

    def _as_loopback(self, headers: Pairs) -> tuple[bool, list[tuple[str, str]]]:
        """Judge the host of an HTTP API as if it was loopback; say whether it was one."""
        is_api_call, judged = False, []
        for name, value in headers:
            host, _, port = value.partition(":")
            if name.lower() == "host" and _API_HOST.fullmatch(host):
                is_api_call, value = True, f"localhost:{port}"
            judged.append((name, value))
        return is_api_call, judged

    def _is_signed(self, scope: Scope, headers: Pairs) -> bool:
        if scope["method"] == "PUT" and _ANSWER_TO_CLOUDFORMATION.fullmatch(scope["path"]):
            return True
        values = _by_name(headers).get("authorization", [])
        found = _KEY_ID.match(values[0]) if len(values) == 1 else None
        return found is not None and hmac.compare_digest(found[1].encode(), self._access_key_id)


def _by_name(headers: Pairs) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name.lower(), []).append(value)
    return named


def _within_stage(scope: Scope) -> Scope:
    """Name the API's stage in the path.

    The emulator strips it again. Without it the paths of the emulator's own administration would be
    found before the API's.
    """
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": f"/$default{scope['path']}", "raw_path": b"/$default" + raw_path}


async def _refuse(send: Send, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": why.encode()})


def main() -> None:
    """Run the emulator behind the guard; its own settings are in its environment."""
    emulator: Any = import_module("ministack.app")
    emulator.app = GuardedEmulator(
        emulator.app,
        port=int(os.environ["GATEWAY_PORT"]),
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    )
    emulator.main()


if __name__ == "__main__":
    main()
