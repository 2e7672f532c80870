"""Calls to the bridge's own API and to 8x8."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from bridge.errors import BridgeError
from sms_bridge import __version__

_SECONDS = 10.0


class NoAnswerError(BridgeError):
    """The host did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    json: Any = field(default=None, repr=False)
    """The body, ``None`` where it is no JSON."""

    def get(self, name: str) -> Any:
        """Return a field of the body, ``None`` where there is none."""
        return self.json.get(name) if isinstance(self.json, dict) else None

    @property
    def code(self) -> Any:
        """The bridge's reason for an error, or 8x8's code."""
        return self.get("reason") or self.get("code")


def call(method: str, url: str, *, token: str = "", body: object = None) -> Answer:
    """Call once, with a bearer token and a JSON body if there are: no retry, no redirect."""
    headers = {"accept": "application/json", "user-agent": f"sms-bridge/{__version__}"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        with urllib3.PoolManager(retries=False, timeout=_SECONDS) as pool:
            answer = pool.request(method, url, headers=headers, json=body, redirect=False)
    except HTTPError as error:
        # Not the whole URL: a path may be secret.
        raise NoAnswerError(
            f"{urlsplit(url).netloc} does not answer ({type(error).__name__})",
            id="no-answer",
            remedy="see whether this machine reaches it, and 8x8's status page",
        ) from None
    try:
        return Answer(answer.status, answer.json())
    except ValueError:
        return Answer(answer.status)
