"""Requests to send, read as `send_sms` does it for somebody who may send."""

from functools import partial
from typing import Any

from sms_bridge.api.batch_request import BatchRequest
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.send_request import read_send_request
from sms_bridge.domain.message import MessageRequest
from tests.builders import a_secret_source, send_settings

SECRETS = a_secret_source(
    moengageTokens=["token-of-moengage"], callbackTokens=["token-of-8x8s-own"]
)


def _read(request: HttpRequest, settings: dict[str, Any]) -> Any:
    request.headers = {**request.headers, "authorization": "Bearer token-of-moengage"}
    return read_send_request(
        request, send_settings(**{"callback_base_url": "", **settings}), SECRETS
    )


def read_one(request: HttpRequest, **settings: Any) -> MessageRequest:
    message, _, _ = _read(request, settings)
    assert isinstance(message, MessageRequest)
    return message


def read_batch(request: HttpRequest, **settings: Any) -> BatchRequest:
    request.path += "/batch"
    _, _, answer = _read(request, settings)
    assert isinstance(answer, partial)
    [batch] = answer.args
    assert isinstance(batch, BatchRequest)
    return batch
