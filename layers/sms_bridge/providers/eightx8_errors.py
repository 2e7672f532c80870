"""What 8x8's answers, and the lack of one, mean: the table behind every decision.

The descriptions are the bridge's own. 8x8's ``message`` may quote the number or the text, and
descriptions go to MoEngage and into logs.
"""

import json
from collections.abc import Iterable
from typing import Any

from urllib3.exceptions import TimeoutError

from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.values import changed, value

# 8x8's error codes for requests that it refuses (its API reference, "Errors").
_BY_CODE = {
    1000: ("eightx8_invalid_parameter", "8x8 refused a field of the request"),
    1001: ("eightx8_unknown_sub_account", "8x8 does not know the sub-account"),
    1002: ("eightx8_invalid_destination", "8x8 says that the phone number is not valid"),
    1003: ("eightx8_invalid_encoding", "8x8 refused the encoding"),
    1004: ("eightx8_invalid_text", "8x8 refused the text"),
    1005: ("eightx8_invalid_source", "8x8 refused the sender ID"),
    1006: ("eightx8_invalid_expiry", "8x8 refused the expiry"),
    1009: ("eightx8_invalid_country", "8x8 refused the country"),
    1011: ("eightx8_invalid_schedule", "8x8 refused the scheduled time"),
    1012: ("eightx8_invalid_client_ip", "8x8 refused the client's IP address"),
    1014: ("eightx8_tls_required", "8x8 asks for a newer version of TLS"),
    1100: ("eightx8_bulk_limit", "8x8 refused a request that is too large"),
    1200: ("eightx8_unauthorized", "8x8 refused the bridge's API key"),
    1201: ("eightx8_forbidden", "8x8's API key may not use this sub-account"),
    1300: ("eightx8_not_found", "8x8 did not find what the request names"),
    1400: ("eightx8_resent_too_soon", "8x8 refused the message as sent again too soon"),
}

# By HTTP status, where 8x8's code says nothing. A 4xx, 429 or 503 proves that 8x8 did not take
# the message; any other failure proves nothing.
_BY_STATUS = {
    400: (Verdict.PERMANENT, "eightx8_bad_request", "8x8 refused the request"),
    401: (Verdict.PERMANENT, *_BY_CODE[1200]),
    403: (Verdict.PERMANENT, *_BY_CODE[1201]),
    404: (Verdict.PERMANENT, *_BY_CODE[1300]),
    408: (Verdict.NOT_SENT, "eightx8_request_timeout", "8x8 did not get the whole request"),
    410: (Verdict.PERMANENT, "eightx8_gone", "8x8 no longer offers what the request asks for"),
    422: (Verdict.PERMANENT, "eightx8_unprocessable", "8x8 could not process the request"),
    426: (Verdict.PERMANENT, *_BY_CODE[1014]),
    429: (Verdict.THROTTLED, "eightx8_throttled", "8x8's rate limit was reached"),
    503: (Verdict.NOT_SENT, "eightx8_unavailable", "8x8 is not available"),
}
_OTHER_4XX = (Verdict.PERMANENT, "eightx8_refused", "8x8 refused the request")
_OTHER = (Verdict.AMBIGUOUS, "eightx8_server_error", "8x8 failed; it may have the message")

# What the code in a success means.
_BY_STATUS_CODE = {
    "QUEUED": SendResult(verdict=Verdict.ACCEPTED, description="SMS is accepted and queued by 8x8"),
    "REJECTED": SendResult(
        verdict=Verdict.PERMANENT,
        reason="eightx8_rejected",
        description="8x8 rejected the message",
    ),
}
_UNREADABLE = SendResult(
    verdict=Verdict.AMBIGUOUS,
    reason="eightx8_unreadable_answer",
    description="8x8's answer could not be read; it may have the message",
)
_NOT_NAMED = SendResult(
    verdict=Verdict.AMBIGUOUS,
    reason="eightx8_not_named",
    description="8x8's answer to a batch left it out; it may have the message",
)

UNREACHABLE = ("eightx8_unreachable", "8x8 could not be reached")
TIMEOUT = ("eightx8_timeout", "8x8 did not answer in time; it may have the message")
CONNECTION_LOST = (
    "eightx8_connection_lost",
    "The connection to 8x8 broke; it may have the message",
)


@value()
class Answer:
    """An HTTP answer of 8x8.

    Attributes
    ----------
    retry_after
        Seconds, from the header of that name.
    """

    http_status: int
    content: bytes
    retry_after: float | None


def result_of_answer(answer: Answer) -> SendResult:
    """Return what the answer to "send one message" means."""
    body = _json_object(answer.content)
    if 200 <= answer.http_status < 300:
        return _result_of_success(answer.http_status, body)
    return _result_of_error(answer, body)


def results_of_batch_answer(answer: Answer, message_ids: Iterable[str]) -> dict[str, SendResult]:
    """Return what the answer to "send many messages" means for each of them.

    An error is the same for all. In a success 8x8 names the messages by the ids that it was
    given, in any order; of one that it leaves out nobody knows.
    """
    body = _json_object(answer.content)
    if not 200 <= answer.http_status < 300:
        return dict.fromkeys(message_ids, _result_of_error(answer, body))
    listed = body.get("messages")
    named = {
        name: _result_of_success(answer.http_status, one)
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(name := one.get("clientMessageId"), str)
    }
    not_named = changed(
        _NOT_NAMED if "batchId" in body else _UNREADABLE, http_status=answer.http_status
    )
    return {name: named.get(name, not_named) for name in message_ids}


def _result_of_error(answer: Answer, body: dict[str, Any]) -> SendResult:
    eightx8_code = body.get("code")
    verdict, reason, description = _BY_STATUS.get(
        answer.http_status, _OTHER_4XX if 400 <= answer.http_status < 500 else _OTHER
    )
    if verdict is Verdict.PERMANENT and isinstance(eightx8_code, int):
        reason, description = _BY_CODE.get(eightx8_code, (reason, description))
    return SendResult(
        verdict=verdict,
        reason=reason,
        description=description,
        http_status=answer.http_status,
        eightx8_code=str(eightx8_code or ""),
        eightx8_error_id=str(body.get("errorId") or ""),
        retry_after=answer.retry_after,
    )


def result_of_failure(error: Exception, *, left: bool) -> SendResult:
    """Return what a failure without an answer means.

    Parameters
    ----------
    left
        Whether the request's body was written: if not, 8x8 cannot have the message.
    """
    if not left:
        verdict, (reason, description) = Verdict.NOT_SENT, UNREACHABLE
    elif isinstance(error, TimeoutError):
        verdict, (reason, description) = Verdict.AMBIGUOUS, TIMEOUT
    else:
        verdict, (reason, description) = Verdict.AMBIGUOUS, CONNECTION_LOST
    return SendResult(verdict=verdict, reason=reason, description=description)


def _result_of_success(http_status: int, body: dict[str, Any]) -> SendResult:
    status = body.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    return changed(
        _BY_STATUS_CODE.get(_string(code), _UNREADABLE),
        http_status=http_status,
        umid=_string(body.get("umid")),
        encoding=_string(body.get("encoding")),
    )


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _string(value: object) -> str:
    """Return a text that can be written down, empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
