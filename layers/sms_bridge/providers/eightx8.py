"""8x8's SMS API."""

from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from sms_bridge.domain.message import Sms
from sms_bridge.domain.send_result import SendResult
from sms_bridge.providers.eightx8_errors import (
    Answer,
    result_of_answer,
    result_of_failure,
    results_of_batch_answer,
)
from sms_bridge.providers.http import Connections, Payload, retry_after_of

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

    def send(self, sub_account_id: str, sms: Sms, *, time_left: Callable[[], float]) -> SendResult:
        """Post one message.

        Parameters
        ----------
        time_left
            Seconds that the caller can still wait. When they are over nothing is written any more.
        """
        answer = self._post(_messages_path(sub_account_id), sms, time_left)
        return answer if isinstance(answer, SendResult) else result_of_answer(answer)

    def send_batch(
        self,
        sub_account_id: str,
        messages: Mapping[str, Sms],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        """Post many messages of one sub-account in one request.

        Parameters
        ----------
        messages
            By id, at most 10,000 (8x8's limit).

        Returns
        -------
        dict
            For every message what came of it, whatever 8x8 answered.
        """
        body = f'{{"messages":[{",".join(messages.values())}],"includeMessagesInResponse":true}}'
        answer = self._post(f"{_messages_path(sub_account_id)}/batch", body, time_left)
        if isinstance(answer, SendResult):
            return dict.fromkeys(messages, answer)
        return results_of_batch_answer(answer, messages)

    def _post(self, path: str, body: str, time_left: Callable[[], float]) -> Answer | SendResult:
        """Post once. A refused key is read anew and, if it has changed, tried once more: a 401
        proves that nothing was taken.
        """
        content = body.encode()
        key = self._api_keys.api_key()
        answer = self._post_with(key, path, content, time_left)
        refused = isinstance(answer, Answer) and answer.http_status == 401
        if refused and time_left() > MIN_SECONDS_FOR_A_TRY:
            newer = self._api_keys.api_key_after_refusal(key)
            if newer != key:
                answer = self._post_with(newer, path, content, time_left)
        return answer

    def _post_with(
        self, key: str, path: str, content: bytes, time_left: Callable[[], float]
    ) -> Answer | SendResult:
        payload = Payload(content, may_leave=lambda: time_left() > 0)
        try:
            answer = self._connections.post_json(
                path,
                payload,
                headers={"authorization": f"Bearer {key}"},
                read_timeout=max(time_left(), MIN_SECONDS_FOR_A_TRY),
            )
            return Answer(answer.status, answer.data, retry_after_of(answer))
        except (HTTPError, ValueError) as error:
            # ValueError: the key is one that no header can hold.
            return result_of_failure(error, left=payload.left)


def _messages_path(sub_account_id: str) -> str:
    return f"/api/v1/subaccounts/{quote(sub_account_id, safe='&')}/messages"
