"""Every reason for which the bridge refuses a request, with its HTTP status and 8x8's code."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sms_bridge.errors import BridgeError


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
    FULL_NUMBERS_NOT_ALLOWED = "full_numbers_not_allowed", 403, 1201
    NOT_FOUND = "not_found", 404, 1300
    NOT_OFFERED = "not_offered", 404, 2001
    MESSAGE_NOT_FOUND = "message_not_found", 404, 1300
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, 2001
    EIGHTX8_UNAUTHORIZED = "eightx8_unauthorized", 502, 2000
    EIGHTX8_UNREACHABLE = "eightx8_unreachable", 502, 2000
    EIGHTX8_UNAVAILABLE = "eightx8_unavailable", 502, 2000
    EIGHTX8_THROTTLED = "eightx8_throttled", 503, 2000
    EIGHTX8_TIMEOUT = "eightx8_timeout", 504, 2000
    NOT_CONFIGURED = "not_configured", 503, 2000
    UNAVAILABLE = "unavailable", 503, 2000


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
    """What is wrong with one field."""

    field: str
    """The name that the caller gave it."""
    name: str
    """8x8's name of it, where it has one."""
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
            self.code = FIELD_CODES.get(errors[0].name, self.code)

    @classmethod
    def of_field(cls, reason: Reason, field: str, message: str, name: str = "") -> "RefusedError":
        """Refuse a request in which one field is wrong."""
        return cls(reason, f"{field} {message}.", FieldError(field, name, message, reason))
