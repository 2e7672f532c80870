"""GET /messages and /messages/{messageId}: says what became of messages."""

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import require_look_up
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.look_up import look_up_answer, lookup_key_of, page_answer, read_wanted
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.errors import DetailsFailedError
from sms_bridge.settings import read_settings
from sms_bridge.settings.look_up import LookUpSettings

secrets, look_up = wiring.look_up_parts(read_settings(LookUpSettings))
startup.finish_loading()


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks, and answer; recipients' numbers are masked unless the token allows it."""
    secret = secrets.get()
    full_number = require_look_up(request, secret.look_up_tokens, secret.full_number_tokens)
    message_id = request.path_parameters.get("messageId", "").strip().lower()
    if not message_id and lookup_key_of(request) != "eightx8Umid":
        page = look_up.page(read_wanted(request), hash_key=secret.hash_key)
        return json_response(page_answer(page, full_number=full_number))
    try:
        found = (
            look_up.by_id(message_id)
            if message_id
            else look_up.by_umid(request.query("eightx8Umid").strip().lower())
        )
    except DetailsFailedError as failure:
        raise RefusedError(Reason(failure.reason), f"{failure}.") from None
    if found is None:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, "There is no message with this id.")
    return json_response(look_up_answer(found, full_number=full_number))
