"""HTTP answers, and the one place where an exception becomes one."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sms_bridge.api.request import HttpRequest, Reason, RefusedError
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import new_id
from sms_bridge.observability import Metric, log_failure, logger, metric_fields
from sms_bridge.services.deadline import OutOfTimeError

Response = dict[str, Any]
"""API Gateway's answer, payload format 2.0."""

UNAVAILABLE = RefusedError(Reason.UNAVAILABLE, "The bridge cannot take the request now. Try again.")

Handler = Callable[[dict[str, Any], object], Response]

_LINES_A_MINUTE = 10
_now = time.monotonic


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }


def refusal_response(refusal: RefusedError, error_id: str) -> Response:
    """Build an error answer in 8x8's shape: ``code``, ``message``, ``errorId``, ``timestamp``.

    ``reason`` and ``errors``, the fields that are wrong, are the bridge's own.
    """
    errors = [{"field": one.field, "message": one.message} for one in refusal.errors]
    body = {
        "code": refusal.code,
        "message": refusal.message,
        "errorId": error_id,
        "timestamp": timestamp(time.time()),
        "reason": refusal.reason,
        **({"errors": errors} if errors else {}),
    }
    return json_response(body, refusal.status, refusal.headers)


class RefusalLines:
    """Decides which refusals are a log line: all but a flood of strangers' requests.

    Whoever knows the URL can cause these without end, and each line costs as much as the call. So
    of each reason a function writes ten lines a minute; what comes beyond is counted in the next.
    """

    def __init__(self) -> None:
        self._minute = 0
        self._lines: Counter[Reason] = Counter()
        self._counted: Counter[Reason] = Counter()

    def count(self, reason: Reason) -> int:
        """Count a refusal; returns for how many its line stands, 0 where it gets none."""
        if reason.status not in (401, 404, 405) and reason is not Reason.ADDRESS_NOT_ALLOWED:
            return 1
        minute = int(_now() // 60)
        if minute != self._minute:
            self._minute = minute
            self._lines.clear()
        self._counted[reason] += 1
        if self._lines[reason] == _LINES_A_MINUTE:
            return 0
        self._lines[reason] += 1
        return self._counted.pop(reason)


def answers_http(answer: Callable[[HttpRequest], Mapping[str, Any]]) -> Handler:
    """Make a Lambda handler of a function that answers a request with a JSON object.

    A refusal becomes its 4xx or 503. Any other exception becomes a 503, so that the caller never
    meets a bare 500; its type and place are logged, but not its text, which could hold a number.
    """
    lines = RefusalLines()

    def handler(event: dict[str, Any], context: object) -> Response:  # noqa: ARG001
        try:
            request_id = event.get("requestContext", {}).get("requestId")
            logger.thread_safe_append_keys(request_id=request_id)
            request = HttpRequest(event)
            return json_response(answer(request))
        except Exception as error:
            refusal, error_id = UNAVAILABLE, new_id()
            match error:
                case RefusedError():
                    refusal = error
                    if count := lines.count(refusal.reason):
                        logger.warning(
                            "request refused",
                            reason=refusal.reason,
                            error_id=error_id,
                            fields=[one.field for one in refusal.errors] or None,
                            **metric_fields({Metric.REFUSED: count}),
                        )
                case OutOfTimeError():
                    logger.warning("request out of time", error_id=error_id)
                case _:
                    log_failure("request failed", error, error_id=error_id)
            return refusal_response(refusal, error_id)

    return handler


# As in template.yaml. A trailing slash makes no difference where something is posted.
# Not compiled here: one function of many needs them.
_ROUTES = {
    r"/api/v1/subaccounts/[^/]+/messages(/batch)?/?|/callbacks/8x8/?": "POST",
    r"/messages(/[^/]+)?": "GET",
}


def refusal_of(path: str) -> RefusedError:
    """Say what is wrong with a request that no route takes: the URL or the method."""
    for route, allowed in _ROUTES.items():
        if re.fullmatch(route, path):
            words = f"This URL takes {allowed}."
            return RefusedError(Reason.METHOD_NOT_ALLOWED, words, headers={"allow": allowed})
    words = "There is nothing at this URL. Of 8x8's API the bridge takes messages and batches, and "
    words += "shows one message's details (GET); ask 8x8 itself for the rest."
    return RefusedError(Reason.NOT_FOUND, words)
