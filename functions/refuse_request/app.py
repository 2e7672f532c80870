"""Everything that no other route takes: 404, or 405 with what would be right."""

from sms_bridge.loading import finish_loading
from sms_bridge.web.refusals import Code, RefusedError
from sms_bridge.web.requests import HttpRequest
from sms_bridge.web.responses import Response, answers_http
from sms_bridge.web.routes import methods_of

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
