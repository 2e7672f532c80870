"""What MoEngage is told, and when."""

from sms_bridge.rules.life_cycle import FINAL, State
from sms_bridge.rules.messages import Outcome, Receipt, Told

# MoEngage gives up on an answer after 5 seconds. Until then it may not have read the message's
# id, and a report about an id it does not know would be lost.
SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID = 6

# A repeated receipt whose outcome is still open may mean that queueing it failed the first time.
# By then the first try is over, so that MoEngage is not called twice at once.
SECONDS_BEFORE_QUEUEING_AGAIN = 60


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
