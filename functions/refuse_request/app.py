"""Everything that no other route takes: 404, or 405 with what would be right."""

from typing import NoReturn

from sms_bridge import startup
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import answers_http, refusal_of

startup.finish_loading()


@answers_http
def handler(request: HttpRequest) -> NoReturn:
    """Say what is wrong with the URL or the method."""
    raise refusal_of(request.path)
