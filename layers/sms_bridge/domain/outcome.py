"""Which outcome is reported to MoEngage, and when."""

from sms_bridge.domain.message import FINAL, Message, Outcome, OutcomeStatus, Receipt, State

# MoEngage gives up on an answer after 5 seconds. Until then it may not have read the message's id,
# and a report about an unknown id would be lost.
SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID = 6

# If a receipt or a request is repeated while the outcome is open, queueing it may have failed the
# first time. By then the first report has ended, so that MoEngage is not called twice at once.
SECONDS_BEFORE_QUEUEING_AGAIN = 60

# Length of the shortest lease: forward_outcome's timeout plus clock skew.
LEASE_SECONDS = 40

# An outcome that becomes due is leased to the record that is queued for it.
FIRST_LEASE_SECONDS = 100


def outcome_of_receipt(receipt: Receipt) -> Outcome | None:
    """Return the outcome that a receipt brings, ``None`` while it is not final."""
    if receipt.state not in FINAL:
        return None
    if receipt.state in (State.DELIVERED, State.READ):
        return Outcome(OutcomeStatus.DELIVERED)
    code = receipt.error_code
    return Outcome(
        OutcomeStatus.FAILED,
        f"eightx8_{receipt.state}_{code}" if code else f"eightx8_{receipt.state}",
        receipt.error_message or receipt.detail.replace("_", " "),
    )


def seconds_before_reporting(accepted_at: float, now: float) -> int:
    """Return for how long to hold an outcome back, in whole seconds."""
    wait = accepted_at + SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID - now
    return max(0, min(SECONDS_UNTIL_MOENGAGE_KNOWS_THE_ID, round(wait)))


def holds_lease(message: Message, *, lease: str, receives: int, now: float) -> bool:
    """Return whether a record may be reported without another write: its lease lasts so long.

    Such a record is queued once at most. If SQS delivers it twice, the second delivery says so
    (``receives``); where it does not, MoEngage gets the outcome twice.
    """
    is_its_own = bool(lease) and lease == message.outcome_lease_owner and receives == 1
    return is_its_own and now + LEASE_SECONDS + 10 < message.outcome_lease_until
