"""Everything that no other route takes: 404, or 405 with what would be right."""

from sms_bridge import startup
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, methods_of, not_offered

startup.finish_loading()


@answers_http
def handler(request: HttpRequest) -> Response:
    """Say what is wrong with the URL or the method."""
    if what := not_offered(request.method, request.path):
        raise RefusedError(
            Reason.NOT_OFFERED, f"{what}: 8x8 offers that, the bridge does not. Ask 8x8 itself."
        )
    methods = methods_of(request.path)
    if methods:
        allowed = ", ".join(methods)
        raise RefusedError(
            Reason.METHOD_NOT_ALLOWED, f"This URL takes {allowed}.", headers={"allow": allowed}
        )
    raise RefusedError(Reason.NOT_FOUND, "There is nothing at this URL.")
