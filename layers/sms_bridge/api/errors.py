"""Every reason for which the bridge refuses a request, with its stable code."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus

from sms_bridge.values import value


class Code(StrEnum):
    """The ``code`` of an error answer. MoEngage's campaign page counts failures by it."""

    BODY_MISSING = "body_missing"
    BODY_NOT_UTF8 = "body_not_utf8"
    BODY_INVALID = "body_invalid"
    BODY_TOO_LARGE = "body_too_large"
    CONTENT_TYPE_UNSUPPORTED = "content_type_unsupported"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    FIELD_DOUBLED = "field_doubled"
    FIELDS_SWAPPED = "fields_swapped"
    TEXT_TOO_LONG = "text_too_long"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    QUERY_INVALID = "query_invalid"
    UNAUTHORIZED = "unauthorized"
    SUB_ACCOUNT_NOT_ALLOWED = "sub_account_not_allowed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    FULL_NUMBERS_NOT_ALLOWED = "full_numbers_not_allowed"
    NOT_FOUND = "not_found"
    MESSAGE_NOT_FOUND = "message_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    EIGHTX8_UNAUTHORIZED = "eightx8_unauthorized"
    EIGHTX8_UNREACHABLE = "eightx8_unreachable"
    EIGHTX8_UNAVAILABLE = "eightx8_unavailable"
    EIGHTX8_THROTTLED = "eightx8_throttled"
    EIGHTX8_TIMEOUT = "eightx8_timeout"
    NOT_CONFIGURED = "not_configured"
    UNAVAILABLE = "unavailable"


_STATUS = {
    Code.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.CONTENT_TYPE_UNSUPPORTED: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.COUNTRY_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.SUB_ACCOUNT_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.ADDRESS_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.FULL_NUMBERS_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.MESSAGE_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.EIGHTX8_UNAUTHORIZED: HTTPStatus.BAD_GATEWAY,
    Code.EIGHTX8_UNREACHABLE: HTTPStatus.BAD_GATEWAY,
    Code.EIGHTX8_UNAVAILABLE: HTTPStatus.BAD_GATEWAY,
    Code.EIGHTX8_THROTTLED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.EIGHTX8_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    Code.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


@value()
class FieldError:
    """What is wrong with one field, by the name that the caller gave it."""

    field: str
    message: str
    code: Code = Code.FIELD_INVALID


class RefusedError(Exception):
    """The request is refused; nothing was sent and nothing was written.

    Parameters
    ----------
    code
        The stable code; decides the HTTP status.
    message
        For people. Never holds what the caller sent.
    errors
        What is wrong, field by field.
    headers
        Headers of the answer.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *errors: FieldError,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, HTTPStatus.BAD_REQUEST)
