"""Reads the body of a request as fields, whatever it was sent as."""

import json
from typing import Any, Never
from urllib.parse import parse_qsl

from sms_bridge.web.refusals import Code, RefusedError
from sms_bridge.web.requests import HttpRequest

_FORM = "application/x-www-form-urlencoded"
_MAX_FORM_FIELDS = 100


class JsonObject(list[tuple[str, Any]]):
    """A JSON object as names and values: a field that stands twice must not go unnoticed."""


def read_fields(request: HttpRequest) -> list[tuple[str, Any]]:
    """Return the names and values of a body, which may be a JSON object or a form.

    Raises
    ------
    RefusedError
        When it is neither.
    """
    media_type = request.media_type
    if media_type == _FORM:
        return _read_form(request.text())
    # A raw body that a person typed into MoEngage may come as text/plain.
    if media_type in ("", "application/json", "text/plain") or media_type.endswith("+json"):
        return _read_json(request.text())
    raise RefusedError(
        Code.CONTENT_TYPE_UNSUPPORTED, f"Send the body as application/json or {_FORM}."
    )


def _read_json(text: str) -> list[tuple[str, Any]]:
    try:
        pairs = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise RefusedError(Code.BODY_INVALID, "The body is not valid JSON.") from None
    if not isinstance(pairs, JsonObject):
        raise RefusedError(Code.BODY_INVALID, "The body must be one JSON object.")
    return pairs


def _refuse_constant(_: str) -> Never:
    raise ValueError


_DECODER = json.JSONDecoder(object_pairs_hook=JsonObject, parse_constant=_refuse_constant)


def _read_form(text: str) -> list[tuple[str, Any]]:
    if text.lstrip().startswith("{"):
        raise RefusedError(
            Code.BODY_INVALID,
            "The body is JSON but was sent as a form: set Content-Type: application/json.",
        )
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FORM_FIELDS
        )
    except UnicodeDecodeError:
        raise RefusedError(Code.BODY_NOT_UTF8, "The form is not valid UTF-8.") from None
    except ValueError:
        raise RefusedError(Code.BODY_INVALID, "The body is not a valid form.") from None
    return list(pairs)
