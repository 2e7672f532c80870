"""8x8's SMS API."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from sms_bridge.domain.attempt import SendResult
from sms_bridge.domain.message import MessageRequest
from sms_bridge.providers.eightx8_errors import (
    result_of_answer,
    result_of_failure,
    results_of_batch_answer,
)
from sms_bridge.providers.http import Answer, Connections, Headers, Payload

if TYPE_CHECKING:
    from sms_bridge.services.interfaces import ApiKeys

# A try in less time would end as ambiguous.
_SECONDS_FOR_A_TRY = 0.25


class EightX8:
    """Sends messages through 8x8."""

    def __init__(self, connections: Connections, api_keys: "ApiKeys") -> None:
        self._connections = connections
        self._api_keys = api_keys

    def send(
        self, request: MessageRequest, message_id: str, *, time_left: Callable[[], float]
    ) -> SendResult:
        """Post one message; its id comes back in each receipt.

        ``time_left`` returns seconds. When they are over nothing is written any more.
        """
        sms = sms_of(request, message_id)
        answer = self._post(messages_path(request.sub_account_id), sms, time_left)
        return answer if isinstance(answer, SendResult) else result_of_answer(answer)

    def send_batch(
        self,
        sub_account_id: str,
        requests: Mapping[str, MessageRequest],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        """Post up to 10,000 messages (8x8's limit) of one sub-account, by the bridge's ids.

        Every message has a result, whatever 8x8 answered.
        """
        body = {
            "messages": [sms_of(request, name) for name, request in requests.items()],
            "includeMessagesInResponse": True,
        }
        answer = self._post(f"{messages_path(sub_account_id)}/batch", body, time_left)
        if isinstance(answer, SendResult):
            return dict.fromkeys(requests, answer)
        return results_of_batch_answer(answer, requests)

    def _post(
        self, path: str, body: Mapping[str, object], time_left: Callable[[], float]
    ) -> Answer | SendResult:
        payload = Payload(body, may_leave=lambda: time_left() > 0)

        def post(headers: Headers) -> Answer:
            payload.left = False
            seconds = max(time_left(), _SECONDS_FOR_A_TRY)
            return self._connections.ask(path, headers, payload, seconds=seconds)

        try:
            return ask_with_key(self._api_keys, post, lambda: time_left() > _SECONDS_FOR_A_TRY)
        except HTTPError as error:
            return result_of_failure(error, left=payload.left)


def ask_with_key(
    api_keys: "ApiKeys",
    ask: Callable[[Headers], Answer],
    is_time: Callable[[], bool] = lambda: True,
) -> Answer:
    """Ask 8x8 with the header that holds the key, once more if it refuses one that was replaced.

    A 401 proves that nothing was done.
    """
    key = api_keys.api_key()
    answer = ask({"authorization": f"Bearer {key}"})
    if answer.status != 401 or not is_time():
        return answer
    newer = api_keys.api_key(refused=key)
    return answer if newer == key else ask({"authorization": f"Bearer {newer}"})


def messages_path(sub_account_id: str) -> str:
    return f"/api/v1/subaccounts/{quote(sub_account_id, safe='&')}/messages"


def sms_of(request: MessageRequest, message_id: str) -> dict[str, str]:
    """Return a message as 8x8 takes it: a ``SmsRequest`` of its OpenAPI file."""
    fields = {"destination": request.destination, "text": request.text, **request.options}
    if request.callback_url:
        fields.setdefault("dlrCallbackUrl", request.callback_url)
    if request.source:
        fields["source"] = request.source
    return {**fields, "clientMessageId": message_id}
