"""Everything that no other route takes: 404, or 405 with what would be right."""

from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, methods_of
from sms_bridge.startup import finish_loading

finish_loading()


@answers_http
def handler(request: HttpRequest) -> Response:
    """Say what is wrong with the URL or the method."""
    methods = methods_of(request.path)
    if methods:
        allowed = ", ".join(methods)
        raise RefusedError(
            Code.METHOD_NOT_ALLOWED, f"This URL takes {allowed}.", headers={"allow": allowed}
        )
    raise RefusedError(Code.NOT_FOUND, "There is nothing at this URL.")
