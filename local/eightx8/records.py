"""What the simulator remembers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from local.eightx8.scenarios import QUEUED, Receipt, Scenario

PRICE_PER_SMS = 0.0375
CURRENCY = "EUR"
# The sub-account's own, where a message names none.
DEFAULT_SENDER_ID = "8x8"
# 8x8 charges what it hands over to an operator.
_NOT_CHARGED = frozenset({"queued", "rejected"})


@dataclass
class SmsMessage:
    """A message that has a umid.

    Attributes
    ----------
    request
        As it was sent; in a batch, with the template's fields.
    destination
        E.164, with the plus sign.
    country
        ISO 3166-1 alpha-2, empty where the number does not say.
    cut_off
        Whether the text had more than ten parts.
    logged_at
        From when on an export of the log can show it.
    last, history
        The last change of its state, and all of them in order.
    is_erased
        Whether 8x8 was asked to erase the number and the text.
    """

    umid: str
    sub_account_id: str
    request: dict[str, Any]
    destination: str
    country: str
    encoding: str
    segments: int
    cut_off: bool
    scenario: Scenario
    accepted_at: float
    scheduled_at: float = 0.0
    expires_at: float = math.inf
    batch_id: str = ""
    client_batch_id: str = ""
    last: Receipt = QUEUED
    last_at: float = 0.0
    logged_at: float = 0.0
    history: list[Receipt] = field(default_factory=list)
    is_erased: bool = False

    @property
    def state(self) -> str:
        """8x8's word for where the message is."""
        return self.last.state

    @property
    def source(self) -> str:
        """The sender ID that the recipient sees."""
        return str(self.request.get("source", DEFAULT_SENDER_ID))

    @property
    def client_message_id(self) -> str:
        """The sender's own id, empty without one."""
        return str(self.request.get("clientMessageId", ""))

    @property
    def price(self) -> dict[str, Any] | None:
        """What it has cost, ``None`` while nothing was charged."""
        if self.state in _NOT_CHARGED:
            return None
        total = round(PRICE_PER_SMS * self.segments, 4)
        return {"total": total, "perSms": PRICE_PER_SMS, "currency": CURRENCY}


@dataclass
class SendRequest:
    """A request to send one message or a batch, refused or not.

    Attributes
    ----------
    body
        What was sent; its text where it was no JSON.
    headers
        As they came, the key hidden.
    status
        The HTTP status of the answer, 0 for none.
    code
        8x8's code of a refusal, otherwise 0.
    """

    sub_account_id: str
    body: Any
    at: float
    batch: bool = False
    status: int = 0
    code: int = 0
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class CallbackAttempt:
    event: dict[str, Any]
    url: str
    attempt: int
    at: float
    status: int = 0
