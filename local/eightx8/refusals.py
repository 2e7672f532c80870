"""8x8's refusals: which code for which field, and the body of an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

# In the order in which a request's fields are judged.
_BY_FIELD = {
    "destination": (1002, "Invalid MSISDN format (not E.164 international number)"),
    "country": (1009, "Invalid Country value"),
    "text": (1004, "Text value is missing"),
    "source": (1005, "Invalid Source value. Reached max allowed limit"),
    "encoding": (1003, "Invalid Encoding value"),
    "scheduled": (1011, "Invalid schedule time"),
    "expiry": (1006, "Expiry time already reached"),
    "clientIp": (1012, "Invalid IP address"),
}
FIELDS = tuple(_BY_FIELD)


class Refusal(Exception):
    """An error answer of 8x8's."""

    def __init__(
        self,
        status: int,
        code: int,
        description: str,
        *,
        value: object = None,
        retry_after: int | str | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description
        self.message = description if value is None else f"{description}: '{value}'"
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}

    def body(self, error_id: str, at: float) -> dict[str, Any]:
        """Return the answer's body."""
        moment = datetime.fromtimestamp(at, UTC)
        return {
            "code": self.code,
            "message": self.message,
            "errorId": error_id,
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0+00:00",
        }


def invalid(field: str, value: object = None) -> Refusal:
    """Return the refusal of a field, ``1000`` for one without a code of its own."""
    code, description = _BY_FIELD.get(field, (1000, f"Invalid {field or 'request body'}"))
    return Refusal(400, code, description, value=value)


def unauthorized() -> Refusal:
    """Return the refusal of a missing or wrong API key."""
    return Refusal(401, 1200, "Request was not authenticated properly")


def foreign_sub_account() -> Refusal:
    """Return the refusal of a sub-account that is not the account's."""
    return Refusal(404, 1001, "Provided subAccountId doesn't belongs to your account")


def quota_exceeded(seconds: int) -> Refusal:
    """Return the refusal of one request too many."""
    description = f"Quota exceeded. Please try again in {seconds} second(s)."
    return Refusal(429, 429, description, retry_after=seconds)
