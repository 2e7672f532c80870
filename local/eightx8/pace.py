"""How fast the simulator lives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds between the things that 8x8 does on its own.

    Attributes
    ----------
    until_receipt
        Before each change of a message's state.
    between_retries
        Before each new attempt at a callback; 8x8 documents 1, 10, 30 and 90.
    callback_timeout
        For an answer to a callback. 8x8 documents none for SMS.
    until_export
        Before an export is ready.
    """

    until_receipt: float = 0.5
    between_retries: tuple[float, ...] = (1, 10, 30, 90)
    callback_timeout: float = 5
    until_export: float = 1
