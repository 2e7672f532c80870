"""HTTP answers, and the one place where an exception becomes one."""

import functools
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import new_id
from sms_bridge.json_text import json_text
from sms_bridge.observability import Metric, log_failure, logger, measured

Response = dict[str, Any]
"""API Gateway's answer, payload format 2.0."""

UNAVAILABLE = RefusedError(Code.UNAVAILABLE, "The bridge cannot take the request now. Try again.")

Handler = Callable[[dict[str, Any], object], Response]


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Build an answer with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json_text(body),
    }


def refusal_response(refusal: RefusedError, error_id: str) -> Response:
    """Build an error answer in 8x8's shape: ``code``, ``message``, ``errorId``, ``timestamp``.

    ``errors`` names the fields that are wrong; 8x8 has no such list.
    """
    body: dict[str, Any] = {
        "code": refusal.code,
        "message": refusal.message,
        "errorId": error_id,
        "timestamp": timestamp(time.time()),
    }
    if refusal.errors:
        body["errors"] = [
            {"field": error.field, "message": error.message} for error in refusal.errors
        ]
    return json_response(body, refusal.status, refusal.headers)


def answers_http(answer: Callable[[HttpRequest], Response]) -> Handler:
    """Make a Lambda handler of a function that answers a request.

    Refusals become their 4xx or 503. Anything else that is raised becomes a 503, so that the
    caller never meets a bare 500; the log gets its type and place but not its text, which could
    hold a number.
    """

    @functools.wraps(answer)
    def handler(event: dict[str, Any], context: object) -> Response:  # noqa: ARG001
        try:
            request = HttpRequest.from_event(event)
            logger.append_keys(request_id=request.request_id)
            return answer(request)
        except RefusedError as refusal:
            error_id = new_id()
            logger.warning(
                "request refused",
                code=refusal.code,
                error_id=error_id,
                fields=[error.field for error in refusal.errors],
                **measured({Metric.REFUSED: 1}, time.time()),
            )
            return refusal_response(refusal, error_id)
        except Exception as error:
            error_id = new_id()
            failed = measured({Metric.FAILED: 1}, time.time())
            log_failure("request failed", error, error_id=error_id, **failed)
            return refusal_response(UNAVAILABLE, error_id)

    return handler


# As in template.yaml.
_ROUTES = (
    (re.compile(r"/api/v1/subaccounts/[^/]+/messages"), ("POST",)),
    (re.compile(r"/callbacks/8x8"), ("POST",)),
    (re.compile(r"/messages"), ("GET",)),
    (re.compile(r"/messages/[^/]+"), ("GET",)),
)


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that a path allows, none where there is nothing at it."""
    return next((methods for route, methods in _ROUTES if route.fullmatch(path)), ())
