"""POST /callbacks/8x8: takes delivery receipts, inbound messages and whatever else 8x8 sends."""

import time

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import (
    callback_url,
    read_networks,
    require_address,
    require_callback_token,
    secret_that_allows,
)
from sms_bridge.api.callback import read_callback
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.settings import CallbackSettings

settings = CallbackSettings()
allowed_networks = read_networks(settings.callback_allowed_networks)
secrets, receive_callback, preparations = wiring.receive_parts(settings)
startup.finish_loading(*preparations)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who calls, record, acknowledge."""
    require_address(request, allowed_networks)
    in_url = bool(settings.callback_base_url)
    secret = secret_that_allows(
        secrets,
        lambda secret: require_callback_token(request, secret.callback_tokens, in_url=in_url),
    )
    receipts_url = callback_url(settings.callback_base_url, secret.callback_tokens)
    for event in read_callback(request.any_text(), time.time()):
        receive_callback(event, hash_key=secret.hash_key, callback_url=receipts_url)
    return json_response({"status": "recorded"})
