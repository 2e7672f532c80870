"""GET /messages, /messages/{messageId} and 8x8's own details: says what became of messages."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.api.look_up import answer_look_up, answer_with_details
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import answers_http
from sms_bridge.settings import LookUpSettings

settings = LookUpSettings()
parts = wiring.LookUpParts(settings)
startup.finish_loading()


@answers_http
def handler(request: HttpRequest) -> dict[str, Any]:
    """Check who asks, and answer a client of 8x8's API, or support staff."""
    if "umid" in request.path_parameters:
        return answer_with_details(request, parts.secrets, parts.look_up, settings.sub_account_ids)
    return answer_look_up(request, parts.secrets, parts.look_up)
