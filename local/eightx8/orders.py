"""What a send request asks for, once 8x8 has no objection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.eightx8.contract import faults_of_message
from local.eightx8.numbers import Number, international
from local.eightx8.refusals import FIELDS, invalid

SECONDS_AHEAD = 7 * 24 * 3600


@dataclass(frozen=True)
class Order:
    body: dict[str, Any]
    number: Number
    scheduled_at: float
    expires_at: float

    @property
    def client_message_id(self) -> str:
        """The sender's own id, empty without one."""
        return str(self.body.get("clientMessageId", ""))


def read_order(body: Any, now: float) -> Order:
    faults = {fault.field for fault in faults_of_message(body)}
    for field in (*FIELDS, *sorted(faults)):
        if field in faults:
            raise invalid(field, body.get(field) if isinstance(body, dict) else None)
    number = international(body["destination"], body.get("country", ""))
    if number is None:
        raise invalid("destination", body["destination"])
    scheduled_at = _seconds_of(body.get("scheduled"), 0.0)
    if scheduled_at > now + SECONDS_AHEAD:
        raise invalid("scheduled", body["scheduled"])
    expires_at = _seconds_of(body.get("expiry"), math.inf)
    if expires_at <= now:
        raise invalid("expiry", body["expiry"])
    return Order(body, number, scheduled_at, expires_at)


def _seconds_of(text: str | None, otherwise: float) -> float:
    return datetime.fromisoformat(text).timestamp() if text else otherwise
