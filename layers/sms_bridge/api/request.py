"""An HTTP request as API Gateway hands it over, how its body is read, and why one is refused."""

import base64
import json
import re
import zlib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from sms_bridge.errors import BridgeError

MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BYTES = 1024 * 1024
_MAX_CALLBACK_BYTES = 6 * 1024 * 1024  # Lambda's own limit for what API Gateway hands over

FORM = "application/x-www-form-urlencoded"
_NOT_ESCAPED = "The form's values are not escaped: & must be sent as %26, + as %2B, % as %25."


class Reason(StrEnum):
    """The ``reason`` of an error answer: a stable word that scripts and reports can count by.

    Each has its HTTP status and 8x8's code ("API error codes" of its reference), so that 8x8's
    clients understand it.
    """

    status: int
    code: int

    def __new__(cls, word: str, status: int = 0, code: int = 0) -> "Reason":
        reason = str.__new__(cls, word)
        reason._value_, reason.status, reason.code = word, status, code
        return reason

    BODY_MISSING = "body_missing", 400, 1000
    BODY_NOT_UTF8 = "body_not_utf8", 400, 1000
    BODY_INVALID = "body_invalid", 400, 1000
    BODY_TOO_LARGE = "body_too_large", 413, 1010
    CONTENT_TYPE_UNSUPPORTED = "content_type_unsupported", 415, 1000
    FIELD_MISSING = "field_missing", 400, 1000
    FIELD_INVALID = "field_invalid", 400, 1000
    FIELD_DOUBLED = "field_doubled", 400, 1000
    FIELDS_SWAPPED = "fields_swapped", 400, 1002
    MACRO_NOT_FILLED = "macro_not_filled", 400, 1000
    TEXT_TOO_LONG = "text_too_long", 400, 3006
    TOO_MANY_MESSAGES = "too_many_messages", 400, 1100
    COUNTRY_NOT_ALLOWED = "country_not_allowed", 403, 1009
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid", 400, 1008
    QUERY_INVALID = "query_invalid", 400, 1000
    UNAUTHORIZED = "unauthorized", 401, 1200
    SUB_ACCOUNT_NOT_ALLOWED = "sub_account_not_allowed", 403, 1001
    ADDRESS_NOT_ALLOWED = "address_not_allowed", 403, 1201
    NOT_FOUND = "not_found", 404, 1300
    MESSAGE_NOT_FOUND = "message_not_found", 404, 1300
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, 2001
    EIGHTX8_UNAUTHORIZED = "eightx8_unauthorized", 502, 2000
    EIGHTX8_UNREACHABLE = "eightx8_unreachable", 502, 2000
    EIGHTX8_UNAVAILABLE = "eightx8_unavailable", 502, 2000
    EIGHTX8_THROTTLED = "eightx8_throttled", 503, 2000
    EIGHTX8_TIMEOUT = "eightx8_timeout", 504, 2000
    NOT_CONFIGURED = "not_configured", 503, 2000
    UNAVAILABLE = "unavailable", 503, 2000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FieldError:
    """What is wrong with one field."""

    field: str
    """The name that the caller gave it."""
    code: int
    """8x8's for this field; 1000 where it has none."""
    message: str
    reason: Reason = Reason.FIELD_INVALID


class RefusedError(BridgeError):
    """The request is refused; nothing was sent and nothing was written.

    ``message`` is for people, and never holds a value of the caller's. Of ``errors``, which say
    what is wrong field by field, the first decides 8x8's code where the reason does not.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *errors: FieldError,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message
        self.errors = errors
        self.headers = headers or {}
        self.status, self.code = reason.status, reason.code
        if self.code == 1000 and errors:
            self.code = errors[0].code

    @classmethod
    def of_field(cls, reason: Reason, field: str, message: str, code: int = 1000) -> "RefusedError":
        """Refuse a request in which one field is wrong."""
        return cls(reason, f"{field} {message}.", FieldError(field, code, message, reason))


class HttpRequest:
    """An event of API Gateway's HTTP API, payload format 2.0, as far as the bridge reads it.

    It has no ``repr``: parts of it are secret.
    """

    def __init__(self, event: dict[str, Any]) -> None:
        context = event["requestContext"]
        self.path: str = event["rawPath"]
        self.source_address: str = context["http"].get("sourceIp", "")
        # Seconds since the epoch; 0 where the event does not say.
        self.arrived_at: float = context.get("timeEpoch", 0) / 1000
        headers: dict[str, str] = event.get("headers", {})
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.path_parameters: dict[str, str] = event.get("pathParameters") or {}
        self.query_string: str = event.get("rawQueryString", "")
        self.body: str = event.get("body") or ""
        self.body_is_base64: bool = event.get("isBase64Encoded", False)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty where none was sent."""
        # A header that was sent twice arrives as one, joined by a comma.
        first = self.headers.get("content-type", "").partition(",")[0]
        return first.partition(";")[0].strip().lower()

    def query(self, name: str) -> str:
        """Return a parameter of the query string, empty where it is missing."""
        return dict(parse_qsl(self.query_string)).get(name, "")

    def text(self, most: int = MAX_BODY_BYTES) -> str:
        """Return the body as text; it must be UTF-8, of at most so many bytes."""
        if not self.body:
            raise RefusedError(Reason.BODY_MISSING, "The request has no body.")
        content = self._content(most)
        if len(content) > most:
            raise RefusedError(Reason.BODY_TOO_LARGE, f"The body is larger than {most} bytes.")
        try:
            # API Gateway hands JSON over as text and puts U+FFFD in place of bytes that are no
            # UTF-8. A text message that came with one would reach the recipient damaged.
            if "\ufffd" in self.body:
                raise UnicodeError
            return content.decode()
        except UnicodeError:
            if "content-encoding" in self.headers or self.body.startswith("\x1f"):
                words = "The body arrived damaged: send it without Content-Encoding, or with gzip."
                raise RefusedError(Reason.CONTENT_TYPE_UNSUPPORTED, words) from None
            raise RefusedError(Reason.BODY_NOT_UTF8, "The body is not valid UTF-8.") from None

    def any_text(self) -> str:
        """Return any body as text, with U+FFFD in place of what is not UTF-8.

        For callbacks: 8x8 would repeat what is refused and then drop it.
        """
        try:
            content = self._content(_MAX_CALLBACK_BYTES)
        except RefusedError:
            content = self.body.encode("utf-8", "surrogatepass")
        return content.decode("utf-8", "replace").removeprefix("\ufeff")

    def _content(self, most: int) -> bytes:
        """Return the body's bytes, unpacked; of a packed one at most one more than allowed."""
        if not self.body_is_base64:
            # API Gateway's event is JSON, in which half a surrogate pair can stand alone.
            return self.body.encode("utf-8", "surrogatepass")
        try:
            content = base64.b64decode(self.body, validate=True)
            if not content.startswith(b"\x1f\x8b"):
                return content
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
            unpacked = unpacking.decompress(content, most + 1)
            if not unpacking.eof and len(unpacked) <= most:
                raise zlib.error
        except (ValueError, zlib.error):
            raise _invalid("The body cannot be read.") from None
        return unpacked


def _invalid(message: str) -> RefusedError:
    return RefusedError(Reason.BODY_INVALID, message)


class JsonObject(list[tuple[str, Any]]):
    """A JSON object as names and values: a field that stands twice must not go unnoticed."""


def read_sub_account_id(request: HttpRequest, sub_account_ids: Container[str]) -> str:
    """Return the sub-account in the URL, which must be one of the stack's."""
    sub_account_id = request.path_parameters.get("subAccountId", "")
    if sub_account_id not in sub_account_ids:
        words = "is not one of the stack's SubAccountIds"
        raise RefusedError.of_field(Reason.SUB_ACCOUNT_NOT_ALLOWED, "subAccountId", words)
    return sub_account_id


def read_json(request: HttpRequest, most: int, media_types: str = "application/json") -> JsonObject:
    """Return the names and values of a body that is a JSON object of at most so many bytes."""
    # A raw body that a person typed into MoEngage may come as text/plain.
    if request.media_type not in ("", "application/json", "text/plain"):
        raise RefusedError(Reason.CONTENT_TYPE_UNSUPPORTED, f"Send the body as {media_types}.")
    try:
        pairs = _DECODER.decode(request.text(most))
    except json.JSONDecodeError as error:
        where = f"(line {error.lineno}, column {error.colno})"
        raise _invalid(f"The body is not valid JSON {where}.") from None
    except (ValueError, RecursionError):
        raise _invalid("The body is not valid JSON.") from None
    if not isinstance(pairs, JsonObject):
        raise _invalid("The body must be one JSON object.")
    return pairs


# Not strict: MoEngage's macros bring line breaks into the strings of a raw body. NaN and Infinity
# are refused: `int` raises ValueError for them.
_DECODER = json.JSONDecoder(object_pairs_hook=JsonObject, parse_constant=int, strict=False)


# What every way of escaping leaves as it is, and escapes. Anything else was not escaped, nor was
# the + before a phone number; before anything else it is a blank.
_ESCAPED = re.compile(r"(?!\+\d)([A-Za-z0-9*._~!'()+/-]|%[0-9A-Fa-f]{2})*")


def read_form(request: HttpRequest, names: Container[str]) -> list[tuple[str, Any]]:
    """Return the names and values of a body that is a form.

    If its values are not escaped, what is none of the ``names``, in lower case, is part of a value.
    """
    body = request.text()
    if body.lstrip().startswith("{"):
        raise _invalid("The body is JSON, not a form: set Content-Type: application/json.")
    pairs = [pair.partition("=") for pair in body.strip("&").split("&")]
    fields = []
    try:
        for encoded, is_pair, text in pairs:
            name = unquote_plus(encoded, errors="strict")
            is_name = name and not any(map(str.isspace, name))
            # "Save at Tom & Jerry" would be cut off at the &, and "1 + 1" lose its +.
            if not is_pair or not is_name or (re.search(r"[\s=]", text) and "+" in text):
                raise _invalid(_NOT_ESCAPED)
            fields.append((name, unquote_plus(text, errors="strict")))
    except UnicodeDecodeError:
        raise RefusedError(Reason.BODY_NOT_UTF8, "The form is not valid UTF-8.") from None
    # "See https://example.com/?a=1&b=2" would be cut off as well.
    has_others = any(name.lower() not in names for name, _ in fields)
    if has_others and not all(_ESCAPED.fullmatch(text) for *_, text in pairs):
        raise _invalid(_NOT_ESCAPED)
    return fields
