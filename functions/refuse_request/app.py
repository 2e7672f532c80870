"""Everything that no other route takes: 404, or 405 with what would be right."""

from sms_bridge import startup
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, is_only_8x8s, methods_of

startup.finish_loading()


@answers_http
def handler(request: HttpRequest) -> Response:
    """Say what is wrong with the URL or the method."""
    methods = methods_of(request.path)
    if methods:
        allowed = ", ".join(methods)
        raise RefusedError(
            Reason.METHOD_NOT_ALLOWED, f"This URL takes {allowed}.", headers={"allow": allowed}
        )
    if is_only_8x8s(request.path):
        raise RefusedError(
            Reason.NOT_FOUND,
            "The bridge sends single messages only: batches, cancelling, exports and details are "
            "8x8's alone. GET /messages/{umid} says what became of a message.",
        )
    raise RefusedError(Reason.NOT_FOUND, "There is nothing at this URL.")
