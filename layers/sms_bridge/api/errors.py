"""Every reason for which the bridge refuses a request, with its HTTP status and 8x8's code."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from sms_bridge.errors import BridgeError


class Reason(StrEnum):
    """The ``reason`` of an error answer: a stable word that scripts and reports can count by."""

    BODY_MISSING = "body_missing"
    BODY_NOT_UTF8 = "body_not_utf8"
    BODY_INVALID = "body_invalid"
    BODY_TOO_LARGE = "body_too_large"
    CONTENT_TYPE_UNSUPPORTED = "content_type_unsupported"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    FIELD_DOUBLED = "field_doubled"
    FIELDS_SWAPPED = "fields_swapped"
    MACRO_NOT_FILLED = "macro_not_filled"
    TEXT_TOO_LONG = "text_too_long"
    TOO_MANY_MESSAGES = "too_many_messages"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    QUERY_INVALID = "query_invalid"
    UNAUTHORIZED = "unauthorized"
    SUB_ACCOUNT_NOT_ALLOWED = "sub_account_not_allowed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    FULL_NUMBERS_NOT_ALLOWED = "full_numbers_not_allowed"
    NOT_FOUND = "not_found"
    NOT_OFFERED = "not_offered"
    MESSAGE_NOT_FOUND = "message_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    EIGHTX8_UNAUTHORIZED = "eightx8_unauthorized"
    EIGHTX8_UNREACHABLE = "eightx8_unreachable"
    EIGHTX8_UNAVAILABLE = "eightx8_unavailable"
    EIGHTX8_THROTTLED = "eightx8_throttled"
    EIGHTX8_TIMEOUT = "eightx8_timeout"
    NOT_CONFIGURED = "not_configured"
    UNAVAILABLE = "unavailable"


# The one table. The codes are 8x8's own ("API error codes" of its reference), so that its clients
# understand them.
ANSWERS: Mapping[Reason, tuple[HTTPStatus, int]] = {
    Reason.BODY_MISSING: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.BODY_NOT_UTF8: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.BODY_INVALID: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.BODY_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 1010),
    Reason.CONTENT_TYPE_UNSUPPORTED: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 1000),
    Reason.FIELD_MISSING: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.FIELD_INVALID: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.FIELD_DOUBLED: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.FIELDS_SWAPPED: (HTTPStatus.BAD_REQUEST, 1002),
    Reason.MACRO_NOT_FILLED: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.TEXT_TOO_LONG: (HTTPStatus.BAD_REQUEST, 3006),
    Reason.TOO_MANY_MESSAGES: (HTTPStatus.BAD_REQUEST, 1100),
    Reason.COUNTRY_NOT_ALLOWED: (HTTPStatus.FORBIDDEN, 1009),
    Reason.IDEMPOTENCY_KEY_INVALID: (HTTPStatus.BAD_REQUEST, 1008),
    Reason.QUERY_INVALID: (HTTPStatus.BAD_REQUEST, 1000),
    Reason.UNAUTHORIZED: (HTTPStatus.UNAUTHORIZED, 1200),
    Reason.SUB_ACCOUNT_NOT_ALLOWED: (HTTPStatus.FORBIDDEN, 1001),
    Reason.ADDRESS_NOT_ALLOWED: (HTTPStatus.FORBIDDEN, 1201),
    Reason.FULL_NUMBERS_NOT_ALLOWED: (HTTPStatus.FORBIDDEN, 1201),
    Reason.NOT_FOUND: (HTTPStatus.NOT_FOUND, 1300),
    Reason.NOT_OFFERED: (HTTPStatus.NOT_FOUND, 2001),
    Reason.MESSAGE_NOT_FOUND: (HTTPStatus.NOT_FOUND, 1300),
    Reason.METHOD_NOT_ALLOWED: (HTTPStatus.METHOD_NOT_ALLOWED, 2001),
    Reason.EIGHTX8_UNAUTHORIZED: (HTTPStatus.BAD_GATEWAY, 2000),
    Reason.EIGHTX8_UNREACHABLE: (HTTPStatus.BAD_GATEWAY, 2000),
    Reason.EIGHTX8_UNAVAILABLE: (HTTPStatus.BAD_GATEWAY, 2000),
    Reason.EIGHTX8_THROTTLED: (HTTPStatus.SERVICE_UNAVAILABLE, 2000),
    Reason.EIGHTX8_TIMEOUT: (HTTPStatus.GATEWAY_TIMEOUT, 2000),
    Reason.NOT_CONFIGURED: (HTTPStatus.SERVICE_UNAVAILABLE, 2000),
    Reason.UNAVAILABLE: (HTTPStatus.SERVICE_UNAVAILABLE, 2000),
}

# For a field of 8x8's that is wrong, by 8x8's name, 8x8 has a code of its own.
FIELD_CODES: Mapping[str, int] = {
    "destination": 1002,
    "encoding": 1003,
    "text": 1004,
    "source": 1005,
    "expiry": 1006,
    "clientMessageId": 1008,
    "country": 1009,
    "scheduled": 1011,
    "clientIp": 1012,
    "dlrCallbackUrl": 3020,
    "messages": 3012,
    "clientBatchId": 3014,
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FieldError:
    """What is wrong with one field.

    Attributes
    ----------
    field
        The name that the caller gave it.
    name
        8x8's name of it, where it has one.
    """

    field: str
    message: str
    reason: Reason = Reason.FIELD_INVALID
    name: str = ""


class RefusedError(BridgeError):
    """The request is refused; nothing was sent and nothing was written.

    Parameters
    ----------
    reason
        Decides the HTTP status and, with the field that is wrong, 8x8's code.
    message
        For people. Never holds a value of the caller's.
    errors
        What is wrong, field by field.
    headers
        Headers of the answer.
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

    @property
    def status(self) -> int:
        """The HTTP status."""
        return ANSWERS[self.reason][0]

    @property
    def code(self) -> int:
        """8x8's code."""
        _, code = ANSWERS[self.reason]
        if code == 1000 and self.errors:
            return FIELD_CODES.get(self.errors[0].name, code)
        return code
