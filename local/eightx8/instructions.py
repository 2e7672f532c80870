"""Instructions for 8x8: what it does with the next messages, whatever their numbers say."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from local.eightx8.error_codes import ERROR_CODES
from local.eightx8.scenarios import (
    INVALID_NUMBER,
    QUEUED,
    SENT,
    Fault,
    Receipt,
    Scenario,
    throttled_once,
)

# Longer than MoEngage waits by far, and than any function of the bridge runs.
MOST_SECONDS = 60


class Course(StrEnum):
    """The courses that a message can take at 8x8."""

    DELIVER = "deliver"
    FAIL = "fail"  # handed over, and not delivered for a reason
    REFUSE = "refuse"  # answered 400: the number is none
    SILENT = "silent"  # delivered, and no receipt ever comes
    LATE = "late"  # answered after some seconds
    THROTTLE = "throttle"  # answered 429 once, with a Retry-After; accepted when it comes again
    ERROR = "error"  # answered 500
    DROP = "drop"  # the connection is reset instead of an answer
    TWICE = "twice"  # every receipt comes twice
    OUT_OF_ORDER = "out of order"  # the receipts come all at once, the last one first


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What 8x8 is to do with a message.

    Attributes
    ----------
    error_code
        Of the receipt, where the course is to fail.
    seconds
        Until a late answer, or of a Retry-After.
    accepted
        Whether 8x8 has the message although its answer is an error or none.
    silent
        Whether no receipt comes although it has it.
    once
        Whether the message meets that at its first request only.
    """

    course: Course = Course.DELIVER
    error_code: int = 1
    seconds: int = 3
    accepted: bool = True
    silent: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        if self.error_code not in ERROR_CODES:
            raise ValueError(f"{self.error_code} is no error code of 8x8's")
        if not 1 <= self.seconds <= MOST_SECONDS:
            raise ValueError(f"seconds must be from 1 to {MOST_SECONDS}")

    @property
    def scenario(self) -> Scenario:
        text = ERROR_CODES[self.error_code]
        failed = Receipt("undelivered", "undelivered_to_recipient", self.error_code, text)
        ambiguous = Scenario(
            callbacks="none" if self.silent else "in order",
            fault=Fault(
                "answer" if self.course is Course.ERROR else "reset",
                accepted=self.accepted,
                times=1 if self.once else None,
            ),
        )
        return {
            Course.DELIVER: Scenario(),
            Course.FAIL: Scenario(receipts=(QUEUED, SENT, failed)),
            Course.REFUSE: Scenario(fault=INVALID_NUMBER),
            Course.SILENT: Scenario(callbacks="none"),
            Course.LATE: Scenario(seconds_to_answer=self.seconds),
            Course.THROTTLE: throttled_once(self.seconds),
            Course.ERROR: ambiguous,
            Course.DROP: ambiguous,
            Course.TWICE: Scenario(callbacks="doubled"),
            Course.OUT_OF_ORDER: Scenario(callbacks="reversed"),
        }[self.course]


class Instructions:
    """The instructions for the next messages, in order, and for all after them.

    A message keeps what it met first: a request that comes again for it is no new message.

    Attributes
    ----------
    upcoming
        One a message.
    standing
        For every message that none of those is left for; ``None``: by its number.
    """

    def __init__(self) -> None:
        self.upcoming: deque[Instruction] = deque()
        self.standing: Instruction | None = None
        self._met: dict[str, Instruction] = {}

    def clear(self) -> None:
        """Withdraw all of them; messages that met one keep it."""
        self.upcoming.clear()
        self.standing = None

    def meet(self, client_message_id: str) -> Instruction | None:
        """Return what a message meets, ``None`` where its number decides."""
        known = self._met.get(client_message_id)
        if known is not None:
            return known
        instruction = self.upcoming.popleft() if self.upcoming else self.standing
        if instruction is not None and client_message_id:
            self._met[client_message_id] = instruction
        return instruction
