"""What MoEngage is told, and when."""

from sms_bridge.rules.life_cycle import FINAL, State
from sms_bridge.rules.messages import Outcome, Receipt, Told

# MoEngage gives up on an answer after 5 seconds. Until then it may not have read the message's
# id, and a report about an id it does not know would be lost.
SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID = 6

# A repeated receipt whose outcome is still open may mean that queueing it failed the first time.
# By then the first try is over, so that MoEngage is not called twice at once.
SECONDS_BEFORE_QUEUEING_AGAIN = 60

# For so long an outcome is nobody else's to tell: a function's time, and what clocks may differ.
SECONDS_TO_TELL = 40

# Whoever makes an outcome due queues one record for it. The first time that this record is received
# it may be told at once, for so long; until it is told or not, nobody else may.
_SECONDS_FOR_THE_FIRST = 50
SECONDS_HELD_FOR_THE_FIRST = _SECONDS_FOR_THE_FIRST + SECONDS_TO_TELL + 10


def outcome_of_receipt(receipt: Receipt) -> Outcome | None:
    """Return the outcome that a receipt brings, ``None`` while it is not final."""
    if receipt.state not in FINAL:
        return None
    if receipt.state in (State.DELIVERED, State.READ):
        return Outcome(Told.DELIVERED)
    code = receipt.error_code
    return Outcome(
        Told.FAILED,
        f"eightx8_{receipt.state}_{code}" if code else f"eightx8_{receipt.state}",
        receipt.error_message or receipt.detail.replace("_", " "),
    )


def seconds_before_telling(accepted_at: float, now: float) -> int:
    """Return for how long to hold an outcome back, in whole seconds.

    Parameters
    ----------
    accepted_at, now
        Seconds since the epoch.
    """
    wait = accepted_at + SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID - now
    return max(0, min(SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID, round(wait)))


def is_the_first_to_tell(due_at: float, held_until: float, received: int, now: float) -> bool:
    """Tell whether an outcome is held for whoever asks, since the moment that it was due.

    It is held for one record, which is queued once at most. What SQS delivers a second time says
    so (or, hardly ever, does not: then MoEngage hears the outcome twice).

    Parameters
    ----------
    due_at, held_until, now
        Seconds since the epoch.
    received
        How often the record that it is held for was received; 0 if another one asks.
    """
    still_held = abs(held_until - due_at - SECONDS_HELD_FOR_THE_FIRST) < 1
    return received == 1 and still_held and now < due_at + _SECONDS_FOR_THE_FIRST
