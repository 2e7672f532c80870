"""An HTTP request, taken from API Gateway's event."""

import base64
import json
from dataclasses import field
from typing import Any, Never
from urllib.parse import parse_qsl

from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.values import value

MAX_BODY_BYTES = 64 * 1024

_BYTE_ORDER_MARK = "\ufeff"


@value(kw_only=True)
class HttpRequest:
    """What the bridge reads of a request. The parts that may hold secrets stay out of ``repr``.

    Attributes
    ----------
    headers
        Names in lower case.
    arrived_at
        When API Gateway got it, seconds since the epoch; 0 where the event does not tell.
    """

    method: str
    path: str
    source_address: str
    request_id: str
    arrived_at: float
    headers: dict[str, str] = field(repr=False)
    path_parameters: dict[str, str] = field(default_factory=dict, repr=False)
    query_string: str = field(default="", repr=False)
    body: str = field(default="", repr=False)
    body_is_base64: bool = False

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "HttpRequest":
        """Read an event of API Gateway's HTTP API, payload format 2.0."""
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"],
            path=event["rawPath"],
            source_address=context["http"].get("sourceIp", ""),
            request_id=context.get("requestId", ""),
            arrived_at=context.get("timeEpoch", 0) / 1000,
            headers={name.lower(): value for name, value in event.get("headers", {}).items()},
            path_parameters=event.get("pathParameters") or {},
            query_string=event.get("rawQueryString", ""),
            body=event.get("body") or "",
            body_is_base64=event.get("isBase64Encoded", False),
        )

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty where none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def query(self, name: str) -> str:
        """Return a parameter of the query string, empty where it is missing."""
        return dict(parse_qsl(self.query_string)).get(name, "")

    def text(self) -> str:
        """Return the body as text.

        Raises
        ------
        RefusedError
            When there is none, when it is larger than 64 KiB, or when it is not UTF-8.
        """
        if not self.body:
            raise RefusedError(Code.BODY_MISSING, "The request has no body.")
        content = self._bytes()
        if len(content) > MAX_BODY_BYTES:
            raise RefusedError(
                Code.BODY_TOO_LARGE, f"The body is larger than {MAX_BODY_BYTES} bytes."
            )
        try:
            text = content.decode().removeprefix(_BYTE_ORDER_MARK)
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        # API Gateway hands JSON over as text and puts U+FFFD in place of bytes that are no UTF-8.
        # A text message that came with one would reach the recipient damaged.
        if not self.body_is_base64 and "\ufffd" in text:
            raise self._not_utf8()
        return text

    def any_text(self) -> str:
        """Return whatever the body is as text, with U+FFFD in place of what is not UTF-8.

        For callbacks: 8x8 would repeat what is refused and then drop it.
        """
        try:
            return self._bytes().decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)
        except RefusedError:
            return self.body

    def _bytes(self) -> bytes:
        if not self.body_is_base64:
            # API Gateway's event is JSON, in which half a surrogate pair can stand alone.
            return self.body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.body, validate=True)
        except ValueError:
            raise RefusedError(Code.BODY_INVALID, "The body cannot be read.") from None

    @staticmethod
    def _not_utf8() -> RefusedError:
        return RefusedError(Code.BODY_NOT_UTF8, "The body is not valid UTF-8.")


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
