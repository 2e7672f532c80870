"""8x8's refusals: which code for which field, the body of an error, and the rate limits."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
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
QUOTA_EXCEEDED = "Quota exceeded. Please try again in {} second(s)."


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


def foreign_sub_account() -> Refusal:
    return Refusal(404, 1001, "Provided subAccountId doesn't belongs to your account")


class Throttle:
    """Lets so many requests through in any one second, each key on its own."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._let_through: defaultdict[str, deque[float]] = defaultdict(deque)

    def pass_or_refuse(self, key: str) -> None:
        now = self._clock()
        recent = self._let_through[key]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.limit:
            oldest = recent[0] if recent else now
            seconds = max(1, math.ceil(oldest + 1 - now))
            raise Refusal(429, 429, QUOTA_EXCEEDED.format(seconds), retry_after=seconds)
        recent.append(now)
