"""8x8's own record of a message."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from sms_bridge.http_connection import Answer
from sms_bridge.web.connections import Connections, retry_after_of
from sms_bridge.web.eightx8 import ApiKeys
from sms_bridge.web.refusals import Code

ASKED_AT_ONCE = 8

_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 3.0
_LONGEST_PAUSE = 2.0

_WORDS = {
    Code.EIGHTX8_UNAUTHORIZED: "8x8 refuses the bridge's API key",
    Code.EIGHTX8_UNREACHABLE: "8x8 cannot be reached",
    Code.EIGHTX8_TIMEOUT: "8x8 did not answer in time",
    Code.EIGHTX8_THROTTLED: "8x8 allows one such question a second; ask again",
    Code.EIGHTX8_UNAVAILABLE: "8x8 gave no usable answer",
}


class DetailsFailedError(Exception):
    """8x8 did not say whether it has a message.

    Parameters
    ----------
    code
        Why.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(_WORDS[code])
        self.code = code


class MessageDetails:
    """Asks 8x8 about one message: at most once a second for each sub-account (8x8's limit).

    It may be asked from several threads at once.

    Parameters
    ----------
    base_url
        Of the platform region.
    api_keys
        Asked for the key at each call.
    """

    def __init__(
        self, base_url: str, api_keys: ApiKeys, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._connections = Connections(base_url, connect_timeout=_CONNECT_TIMEOUT)
        self._api_keys = api_keys
        self._sleep = sleep

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        """Return the id that 8x8 was given for a message, empty where it has no such message.

        The bridge's ids are what it gives 8x8, so this finds a message by 8x8's id without an
        index of our own.

        Raises
        ------
        DetailsFailedError
            8x8 does not say whether it has it.
        """
        account = quote(sub_account_id, safe="&")
        path = f"/api/v1/subaccounts/{account}/messages/{quote(umid, safe='')}"
        try:
            answer = self._ask(path)
        except ReadTimeoutError:
            raise DetailsFailedError(Code.EIGHTX8_TIMEOUT) from None
        except HTTPError:
            raise DetailsFailedError(Code.EIGHTX8_UNREACHABLE) from None
        # 400: it has not the form of an id, and so there is none.
        if answer.status in (400, 404):
            return ""
        if answer.status in (401, 403):
            raise DetailsFailedError(Code.EIGHTX8_UNAUTHORIZED)
        if answer.status == 429:
            raise DetailsFailedError(Code.EIGHTX8_THROTTLED)
        try:
            details: Any = json.loads(answer.data)
        except ValueError:
            details = None
        if answer.status != 200 or not isinstance(details, dict):
            raise DetailsFailedError(Code.EIGHTX8_UNAVAILABLE)
        found = details.get("clientMessageId")
        return found if isinstance(found, str) else ""

    def _ask(self, path: str) -> Answer:
        """Ask, and once more with a new key or after the pause that 8x8 asks for."""
        key = self._api_keys.api_key()
        answer = self._get(path, key)
        if answer.status == 401:
            newer = self._api_keys.api_key_after_refusal(key)
            return answer if newer == key else self._get(path, newer)
        pause = retry_after_of(answer) or 1.0
        if answer.status == 429 and pause <= _LONGEST_PAUSE:
            self._sleep(pause)
            return self._get(path, key)
        return answer

    def _get(self, path: str, key: str) -> Answer:
        headers = {"authorization": f"Bearer {key}"}
        try:
            return self._connections.get(path, headers=headers, read_timeout=_READ_TIMEOUT)
        except ProtocolError:
            # 8x8 may have closed the connection while it was idle; to ask twice is harmless.
            return self._connections.get(path, headers=headers, read_timeout=_READ_TIMEOUT)
