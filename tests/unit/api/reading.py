"""Requests to send, read without asking who sends."""

from typing import Any

from sms_bridge.api.batch_request import BatchRequest, read_batch_request
from sms_bridge.api.fields import FIRST_NAMES_IN_LOWER_CASE
from sms_bridge.api.request import HttpRequest, read_fields
from sms_bridge.api.send_request import message_reader
from sms_bridge.domain.message import MessageRequest
from tests.builders import send_settings


def read_one(request: HttpRequest, *, callback_url: str = "", **settings: Any) -> MessageRequest:
    read = message_reader(request, send_settings(**settings), callback_url)
    return read(read_fields(request, FIRST_NAMES_IN_LOWER_CASE))


def read_batch(request: HttpRequest, **settings: Any) -> BatchRequest:
    return read_batch_request(request, message_reader(request, send_settings(**settings), ""))
