"""8x8's SMS API: sends messages, and the one table of what 8x8's answers and words mean.

``make tables`` writes the tables of docs/http-api.md from it. The descriptions go to MoEngage and
into logs, so they are the bridge's own: 8x8's ``message`` may quote the number or the text.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError, TimeoutError

from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.message import MessageRequest, State
from sms_bridge.providers.http import Answer, Connections, Headers, Payload

if TYPE_CHECKING:
    from sms_bridge.storage.secret import SecretSource

# A try in less time would end as ambiguous.
_SECONDS_FOR_A_TRY = 0.25


class EightX8:
    """Sends messages through 8x8."""

    def __init__(self, connections: Connections, api_keys: "SecretSource") -> None:
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
    api_keys: "SecretSource",
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


def _result(verdict: Verdict, reason: str, description: str) -> SendResult:
    return SendResult(verdict, f"eightx8_{reason}", description)


def _refused(reason: str, description: str) -> SendResult:
    return _result(Verdict.PERMANENT, reason, f"8x8 {description}")


def _ambiguous(reason: str, description: str) -> SendResult:
    return _result(Verdict.AMBIGUOUS, reason, f"{description}; 8x8 may have the message")


# ---------------------------------------------------------------------------- answers to a request
# 8x8's error codes say more than the HTTP status of a refusal (its API reference, "API error
# codes"). They never change the verdict.
RESULTS_BY_CODE = {
    1000: _refused("invalid_parameter", "refused a field of the request"),
    1001: _refused("unknown_sub_account", "does not know the sub-account"),
    1002: _refused("invalid_destination", "says that the phone number is not valid"),
    1003: _refused("invalid_encoding", "refused the encoding"),
    1004: _refused("invalid_text", "refused the text"),
    1005: _refused("invalid_source", "refused the sender ID"),
    1006: _refused("invalid_expiry", "refused the expiry"),
    1007: _refused("invalid_template", "refused the template"),
    1008: _refused("invalid_id", "refused an id in the request"),
    1009: _refused("invalid_country", "refused the country"),
    1010: _refused("out_of_range", "refused a value as out of range"),
    1011: _refused("invalid_schedule", "refused the scheduled time"),
    1012: _refused("invalid_client_ip", "refused the client's IP address"),
    1014: _refused("tls_required", "asks for a newer version of TLS"),
    1100: _refused("bulk_limit", "refused a request that is too large"),
    1200: _refused("unauthorized", "refused the bridge's API key"),
    1201: _refused("forbidden", "does not let the bridge's API key use this sub-account"),
    1300: _refused("not_found", "did not find what the request names"),
    1400: _refused("resent_too_soon", "refused the message as sent again too soon"),
    2000: _refused("internal_error", "failed, and refused the request"),
    2001: _refused("not_implemented", "does not offer what the request asks for"),
    2002: _refused("unsupported_version", "does not know this version of its API"),
    2003: _refused("unsupported_product", "does not offer this product to the account"),
    3006: _refused("text_too_long", "refused the text as too long"),
    3009: _refused("client_message_id_too_long", "refused the bridge's message id as too long"),
    3011: _refused("source_too_long", "refused the sender ID as too long"),
    3012: _refused("no_messages", "found no messages in the request"),
    3013: _refused("too_many_messages", "found too many messages in the request"),
    3014: _refused("client_batch_id_too_long", "refused the batch's id as too long"),
    3020: _refused("invalid_callback_url", "refused the callback URL (CallbackBaseUrl)"),
}

# A 4xx, 429 or 503 proves that 8x8 did not accept the message; any other failure proves nothing.
RESULTS_BY_STATUS = {
    400: _refused("bad_request", "refused the request"),
    401: RESULTS_BY_CODE[1200],
    403: RESULTS_BY_CODE[1201],
    404: RESULTS_BY_CODE[1300],
    408: _result(Verdict.NOT_SENT, "request_timeout", "8x8 did not get the whole request"),
    410: _refused("gone", "no longer offers what the request asks for"),
    422: _refused("unprocessable", "could not process the request"),
    426: RESULTS_BY_CODE[1014],
    429: _result(Verdict.THROTTLED, "throttled", "8x8's rate limit was reached"),
    503: _result(Verdict.NOT_SENT, "unavailable", "8x8 is not available"),
}
OTHER_4XX = _refused("refused", "refused the request")
OTHER_STATUS = _ambiguous("server_error", "8x8 failed")

# The code inside a success.
RESULTS_BY_STATUS_CODE = {
    "QUEUED": SendResult(verdict=Verdict.ACCEPTED, description="SMS is accepted and queued by 8x8"),
    "REJECTED": _refused("rejected", "rejected the message"),
}
UNREADABLE = _ambiguous("unreadable_answer", "8x8's answer could not be read")
NOT_NAMED = _ambiguous("not_named", "8x8's answer to a batch left the message out")

UNREACHABLE = _result(Verdict.NOT_SENT, "unreachable", "8x8 could not be reached")
TIMEOUT = _ambiguous("timeout", "8x8 did not answer in time")
CONNECTION_LOST = _ambiguous("connection_lost", "The connection to 8x8 broke")

# ------------------------------------------------------------------------------------ receipts, log
STATES = {
    "queued": State.QUEUED,
    "sent": State.SENT,
    "rejected": State.REJECTED,
    # The log's word for a message that 8x8's API refused.
    "failed": State.REJECTED,
    "undelivered": State.UNDELIVERED,
    "delivered": State.DELIVERED,
    "read": State.READ,
}

# The error codes of undelivered messages that people ask about; 8x8 documents 0 to 61. By their
# wording some are not the last word.
ERROR_CODES = {
    "1": (State.UNDELIVERED, "absent subscriber"),
    "4": (State.DEFERRED, "delivery deferred"),
    "5": (State.DEFERRED, "pending upstream"),
    "15": (State.UNDELIVERED, "invalid destination, or on 8x8's own blacklist"),
    "22": (State.DEFERRED, "being retried"),
    "36": (State.UNDELIVERED, "the SMS expired"),
    "43": (State.UNDELIVERED, "spam filter"),
    "46": (State.UNDELIVERED, "subscriber not reachable"),
    "50": (State.UNDELIVERED, "throttling"),
    "60": (State.UNDELIVERED, "content filtered"),
}

_MAX_WORDS = 200
_ID = re.compile(r"(?![0-9]{7,}$)[A-Za-z0-9._:-]{1,100}", re.ASCII)
_LONG_NUMBER = re.compile(r"\d(?:[\W_]{0,2}\d){5,}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.+Z-]{5,21}", re.ASCII)


# -------------------------------------------------------------------------------------- requests
def result_of_answer(answer: Answer) -> SendResult:
    """Return what the answer to "send one message" means."""
    body = json_object(answer.content)
    is_success = 200 <= answer.status < 300
    return _result_of_success(answer, body) if is_success else _result_of_error(answer, body)


def results_of_batch_answer(answer: Answer, message_ids: Iterable[str]) -> dict[str, SendResult]:
    """Return what the answer to "send many messages" means for each of them.

    An error is the same for all. In a success 8x8 names the messages by the ids that it was
    given, in any order; one that it leaves out is ambiguous.
    """
    body = json_object(answer.content)
    if not 200 <= answer.status < 300:
        return dict.fromkeys(message_ids, _result_of_error(answer, body))
    listed = body.get("messages")
    named = {
        one["clientMessageId"]: _result_of_success(answer, one)
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get("clientMessageId"), str)
    }
    not_named = replace(NOT_NAMED if "batchId" in body else UNREADABLE, http_status=answer.status)
    return {name: named.get(name, not_named) for name in message_ids}


def result_of_failure(error: Exception, *, left: bool) -> SendResult:
    """Return what a failure without an answer means. If no body ``left``, 8x8 has no message."""
    if not left:
        return UNREACHABLE
    return TIMEOUT if isinstance(error, TimeoutError) else CONNECTION_LOST


def _result_of_error(answer: Answer, body: dict[str, Any]) -> SendResult:
    other = OTHER_4XX if 400 <= answer.status < 500 else OTHER_STATUS
    result = RESULTS_BY_STATUS.get(answer.status, other)
    code = body.get("code")
    if result.verdict is Verdict.PERMANENT and isinstance(code, int):
        result = RESULTS_BY_CODE.get(code, result)
    return replace(
        result,
        http_status=answer.status,
        eightx8_code=_id(str(code)) if code and isinstance(code, int | str) else "",
        eightx8_error_id=_id(body.get("errorId")),
        retry_after=answer.retry_after,
    )


def _result_of_success(answer: Answer, body: dict[str, Any]) -> SendResult:
    status = body.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    known = RESULTS_BY_STATUS_CODE.get(code.upper()) if isinstance(code, str) else None
    return replace(
        known or UNREADABLE,
        http_status=answer.status,
        umid=_id(body.get("umid")).lower(),
        encoding=_id(body.get("encoding")),
    )


def _id(value: object) -> str:
    """Return an id, a code or a word that may be logged, empty for a text or a phone number."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def json_object(content: bytes) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


# ---------------------------------------------------------------------------------------- receipts
def state_of_receipt(state: str, error_code: str = "") -> State | None:
    """Return the state that a receipt or a row of the log reports; ``None`` is undocumented."""
    known = STATES.get(state.strip().lower())
    if known is State.UNDELIVERED and error_code in ERROR_CODES:
        return ERROR_CODES[error_code][0]
    return known


def error_code_of(value: object) -> str:
    """Return 8x8's error code of a receipt as a short text, empty for what is none."""
    code = re.fullmatch(r"\s*0*(\d{1,4})(\.0*)?\s*", str(value), re.ASCII)
    return code[1] if code else ""


def words_of(value: object) -> str:
    """Return 8x8's own words as they may be kept and passed on: short, on one line, no numbers."""
    if not isinstance(value, str):
        return ""
    text = value[:_MAX_WORDS].encode("utf-8", "replace").decode()
    text = "".join(one if one.isprintable() else " " for one in text)
    return _LONG_NUMBER.sub("***", text).strip()


def seconds_of_time(text: str) -> float:
    """Return seconds since the epoch, 0 for what is no time or is one without an offset."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.timestamp() if moment.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def time_of(value: object) -> str:
    """Return a time as 8x8 wrote it (ISO 8601), empty for what is none."""
    text = value.strip() if isinstance(value, str) else ""
    return text if _TIME.fullmatch(text) else ""
