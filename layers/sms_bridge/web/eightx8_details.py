"""8x8's own record of a message."""

import json
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from sms_bridge.web.connections import Connections
from sms_bridge.web.eightx8 import ApiKeys

_SECONDS_TO_WAIT = 3.0


class MessageDetails:
    """Asks 8x8 about one message: at most once a second for each sub-account (8x8's limit).

    Parameters
    ----------
    connections
        To the platform region's host.
    api_keys
        Asked for the key at each call.
    """

    def __init__(self, connections: Connections, api_keys: ApiKeys) -> None:
        self._connections = connections
        self._api_keys = api_keys

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        """Return the id that 8x8 was given for a message, empty where it has no such message.

        The bridge's ids are what it gives 8x8, so this finds a message by 8x8's id without an
        index of our own.
        """
        account = quote(sub_account_id, safe="&")
        try:
            answer = self._connections.get(
                f"/api/v1/subaccounts/{account}/messages/{quote(umid, safe='')}",
                headers={"authorization": f"Bearer {self._api_keys.api_key()}"},
                read_timeout=_SECONDS_TO_WAIT,
            )
            details: Any = json.loads(answer.data) if answer.status == 200 else {}
        except (HTTPError, ValueError):
            return ""
        found = details.get("clientMessageId") if isinstance(details, dict) else ""
        return found if isinstance(found, str) else ""
