"""POST /callbacks/8x8: takes delivery receipts, inbound messages and whatever else 8x8 sends."""

import time
from functools import partial
from ipaddress import ip_network

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import admit, callback_url, check_8x8, check_network
from sms_bridge.api.callback import read_callback
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import answers_http
from sms_bridge.settings import CallbackSettings

settings = CallbackSettings()
allowed_networks = [ip_network(one, strict=False) for one in settings.callback_allowed_networks]
parts = wiring.CallbackParts(settings)
startup.finish_loading(*parts.preparations)


@answers_http
def handler(request: HttpRequest) -> dict[str, str]:
    """Check who calls, record, acknowledge."""
    base_url = settings.callback_base_url
    check_network(request, allowed_networks)
    secret = admit(request, parts.secrets, partial(check_8x8, in_url=bool(base_url)))
    receipts_url = callback_url(base_url, secret.callback_tokens)
    for event in read_callback(request.any_text(), time.time()):
        parts.receive_callback(event, hash_key=secret.hash_key, callback_url=receipts_url)
    return {"status": "recorded"}
