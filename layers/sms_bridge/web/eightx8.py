"""8x8's SMS API."""

import json
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from sms_bridge.rules.messages import MessageRequest
from sms_bridge.rules.send_results import SendResult
from sms_bridge.web.connections import Connections, Payload, retry_after_of
from sms_bridge.web.eightx8_answers import result_of_answer, result_of_failure

# Less time than this is not worth a try: it would end as "nobody knows".
MIN_SECONDS_FOR_A_TRY = 0.25


class ApiKeys(Protocol):
    """Where 8x8's API key comes from."""

    def api_key(self) -> str:
        """Return the key."""

    def api_key_after_refusal(self, refused: str) -> str:
        """Return the key as it is now, after 8x8 refused the one that was used."""


class EightX8:
    """Sends messages through 8x8.

    Parameters
    ----------
    connections
        To the platform region's host.
    api_keys
        Asked for the key at each message.
    """

    def __init__(self, connections: Connections, api_keys: ApiKeys) -> None:
        self._connections = connections
        self._api_keys = api_keys

    def send(
        self, request: MessageRequest, message_id: str, *, time_left: Callable[[], float]
    ) -> SendResult:
        """Post one message.

        A refused key is read anew and, if it has changed, tried once more; a 401 proves that the
        message was not taken.

        Parameters
        ----------
        message_id
            Goes to 8x8 as ``clientMessageId`` and comes back in each receipt.
        time_left
            Seconds that the caller can still wait.
        """
        path = f"/api/v1/subaccounts/{quote(request.sub_account_id, safe='&')}/messages"
        content = json.dumps(_body(request, message_id), ensure_ascii=False).encode()
        key = self._api_keys.api_key()
        result = self._post(path, content, key, time_left())
        if result.http_status == 401 and time_left() > MIN_SECONDS_FOR_A_TRY:
            newer = self._api_keys.api_key_after_refusal(key)
            if newer != key:
                result = self._post(path, content, newer, time_left())
        return result

    def _post(self, path: str, content: bytes, key: str, seconds: float) -> SendResult:
        payload = Payload(content)
        try:
            answer = self._connections.post_json(
                path,
                payload,
                headers={"authorization": f"Bearer {key}"},
                read_timeout=max(seconds, MIN_SECONDS_FOR_A_TRY),
            )
            return result_of_answer(answer.status, answer.data, retry_after_of(answer))
        except (HTTPError, ValueError) as error:
            # ValueError: the key is one that no header can hold.
            return result_of_failure(error, left=payload.left)


def _body(request: MessageRequest, message_id: str) -> dict[str, str]:
    body = {"destination": request.destination, "text": request.text, **request.options}
    if request.source:
        body["source"] = request.source
    return {**body, "clientMessageId": message_id}
