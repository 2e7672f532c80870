"""What becomes of a message, by the last digits of its destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.eightx8.refusals import QUOTA_EXCEEDED


@dataclass(frozen=True)
class Receipt:
    """One change of a message's state, in 8x8's words.

    Attributes
    ----------
    after
        Seconds after the change before it; ``None`` for what the pace says.
    callbacks_after
        Of callbacks that are in order, seconds after the change: one callback each.
    """

    state: Literal["queued", "sent", "delivered", "undelivered", "rejected", "read"]
    detail: str = ""
    error_code: int = 0
    error_message: str = ""
    after: float | None = None
    callbacks_after: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Fault:
    """How the answer to a send request goes wrong.

    Attributes
    ----------
    kind
        ``answer``: with an error status; ``hang``: never; ``reset``: the connection is reset;
        ``garbage``: 200 with a page that is not what 8x8 answers.
    accepted
        Whether 8x8 took the message before.
    status, code, message, retry_after
        Of an ``answer``; ``Retry-After`` as it is written, seconds or not.
    page
        Of ``garbage``.
    refuses_batch
        Whether a refusal of one message is one of the batch that it is in.
    times
        How many requests to one number meet it; ``None`` for all.
    """

    kind: Literal["answer", "hang", "reset", "garbage"] = "answer"
    accepted: bool = False
    status: int = 500
    code: int = 2000
    message: str = "Internal server error"
    retry_after: int | str | None = None
    page: bytes = b"<html><body><h1>200 OK</h1></body></html>"
    refuses_batch: bool = False
    times: int | None = None

    @property
    def is_of_one_message(self) -> bool:
        """Whether a batch lives on: the message alone is rejected."""
        is_refusal = self.kind == "answer" and 400 <= self.status < 500 and self.status != 429
        return is_refusal and not self.refuses_batch


QUEUED = Receipt("queued")
SENT = Receipt("sent", "delivered_to_operator")
DELIVERED = Receipt("delivered", "delivered_to_recipient")
READ = Receipt("read")
ABSENT = Receipt("undelivered", "undelivered_to_recipient", 1, "Absent subscriber")
RETRIED = Receipt("undelivered", "undelivered_to_recipient", 22, "Message is being retried")
EXPIRED = Receipt("undelivered", "undelivered_to_recipient", 36, "SMS expired")
SPAM = Receipt("undelivered", "rejected_by_operator", 43, "Blocked by spam filter")
REJECTED = Receipt("rejected", "rejected_by_operator", 15, "Invalid destination")


@dataclass(frozen=True)
class Scenario:
    """What becomes of a message.

    Attributes
    ----------
    callbacks
        In which order the callbacks come; ``reversed`` is all at once, the last one first.
    rejection
        Why 8x8 answers 200 with ``REJECTED``; empty where it does not.
    seconds_to_log
        How long until an export of the log can show it.
    text
        All of it, for people.
    """

    receipts: tuple[Receipt, ...] = (QUEUED, SENT, DELIVERED)
    callbacks: Literal["in order", "doubled", "reversed", "doubled and shuffled", "none"] = (
        "in order"
    )
    rejection: str = ""
    fault: Fault | None = None
    seconds_to_answer: float = 0
    seconds_to_log: float = 0
    text: str = ""


INVALID_NUMBER = Fault(
    status=400, code=1002, message="Invalid MSISDN format (not E.164 international number)"
)


def throttled_once(seconds: int, text: str = "") -> Scenario:
    """Return the scenario of a message that 8x8 accepts only when it comes again."""
    message = QUOTA_EXCEEDED.format(seconds)
    fault = Fault(status=429, code=429, message=message, retry_after=seconds, times=1)
    return Scenario(text=text, fault=fault)


SCENARIOS = {
    "0001": Scenario(
        text="undelivered: error 1, absent subscriber", receipts=(QUEUED, SENT, ABSENT)
    ),
    "0002": Scenario(text="rejected by the operator", receipts=(QUEUED, SENT, REJECTED)),
    "0003": Scenario(
        text="answered 200, but rejected",
        rejection="Invalid Source value. Reached max allowed limit",
    ),
    "0004": Scenario(text="refused: 400, code 1002 (invalid MSISDN)", fault=INVALID_NUMBER),
    "0005": Scenario(
        text="deferred (undelivered with error 22), then delivered",
        receipts=(QUEUED, SENT, RETRIED, DELIVERED),
    ),
    "0006": Scenario(
        text="delivered; every receipt comes twice, all at once, in no order",
        callbacks="doubled and shuffled",
    ),
    "0007": Scenario(text="delivered; no receipt ever comes", callbacks="none"),
    "0008": Scenario(text="undelivered: error 43, spam filter", receipts=(QUEUED, SENT, SPAM)),
    "0009": throttled_once(1, "refused once: 429 with Retry-After; accepted when it comes again"),
    "0010": Scenario(text="accepted, but answered 500", fault=Fault(accepted=True)),
    "0011": Scenario(text="not accepted, answered 500", fault=Fault()),
    "0012": Scenario(
        text="accepted, but the answer never comes", fault=Fault("hang", accepted=True)
    ),
    "0013": Scenario(text="delivered, then read", receipts=(QUEUED, SENT, DELIVERED, READ)),
    "0014": Scenario(
        text="accepted, then the connection is reset", fault=Fault("reset", accepted=True)
    ),
    "0015": Scenario(
        text="accepted, but the answer is no JSON", fault=Fault("garbage", accepted=True)
    ),
    "0016": throttled_once(
        5, "refused once: 429 with a Retry-After that is too long to wait for; then accepted"
    ),
}


def endings() -> list[tuple[str, str]]:
    """List the endings of numbers with what they mean."""
    return [*((ending, one.text) for ending, one in SCENARIOS.items()), ("others", "delivered")]


def scenario_of(scenarios: Mapping[str, Scenario], number: str) -> Scenario:
    """Return the scenario of a number: that of its longest known ending; ``""`` is any number's."""
    digits = number.removeprefix("+")
    endings = (digits[start:] for start in range(len(digits) + 1))
    return next((scenarios[ending] for ending in endings if ending in scenarios), Scenario())
