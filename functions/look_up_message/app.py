"""GET /messages, /messages/{messageId} and 8x8's own details: says what became of messages."""

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import require_look_up, require_reader, secret_that_allows
from sms_bridge.api.details import details_answer, read_umid
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.look_up import look_up_answer, lookup_key_of, page_answer, read_wanted
from sms_bridge.api.request import HttpRequest, read_sub_account_id
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.errors import DetailsFailedError
from sms_bridge.settings import LookUpSettings

settings = LookUpSettings()
secrets, look_up = wiring.look_up_parts(settings)
startup.finish_loading()

_NOT_FOUND = "There is no message with this id."


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks, and answer."""
    return _details(request) if "umid" in request.path_parameters else _looked_up(request)


def _details(request: HttpRequest) -> Response:
    """Answer a client of 8x8's API, which has the token that it sends with and no other."""
    secret_that_allows(secrets, lambda secret: require_reader(request, secret))
    sub_account_id = read_sub_account_id(request, settings.sub_account_ids)
    found = look_up.by_id(read_umid(request))
    if found is None or not found.accepted_at or found.sub_account_id != sub_account_id:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, _NOT_FOUND)
    return json_response(details_answer(found))


def _looked_up(request: HttpRequest) -> Response:
    """Answer support staff; recipients' numbers are masked unless the token allows it."""
    secret = secrets.get()
    full_number = require_look_up(request, secret.look_up_tokens, secret.full_number_tokens)
    message_id = request.path_parameters.get("messageId")
    if message_id is None and lookup_key_of(request) != "eightx8Umid":
        page = look_up.page(read_wanted(request), hash_key=secret.hash_key)
        return json_response(page_answer(page, full_number=full_number))
    try:
        found = (
            look_up.by_umid(request.query("eightx8Umid").strip().lower())
            if message_id is None
            else look_up.by_id(message_id.strip().lower())
        )
    except DetailsFailedError as failure:
        raise RefusedError(Reason(failure.reason), f"{failure}.") from None
    if found is None:
        raise RefusedError(Reason.MESSAGE_NOT_FOUND, _NOT_FOUND)
    return json_response(look_up_answer(found, full_number=full_number))
