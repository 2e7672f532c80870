"""What became of a message, told in words."""

from sms_bridge.rules.messages import Message, Receipt

_RECEIPT_WORDS = {
    "queued": "8x8 queued it",
    "sent": "given to the operator",
    "delivered": "delivered to the phone",
    "undelivered": "not delivered",
    "rejected": "rejected by the operator",
    "read": "read by the recipient",
}


def story_of(message: Message) -> list[tuple[str, str]]:
    """Return what happened to a message, in order.

    Returns
    -------
    list of tuple
        When, ISO 8601 UTC, and what, as a sentence without a number or a text.
    """
    events = [
        (message.accepted_at, "accepted from MoEngage"),
        (message.answered_at, _answer_of(message)),
        *((receipt.received_at, _receipt_of(receipt)) for receipt in message.receipts),
        (message.outcome_told_at, f"told MoEngage: {_outcome_of(message)}"),
        (
            message.outcome_given_up_at,
            f"gave up telling MoEngage ({message.outcome_given_up}): {_outcome_of(message)}",
        ),
    ]
    if message.outcome_is_open:
        events.append((message.outcome_due_at, f"has to tell MoEngage: {_outcome_of(message)}"))
    # At the same time, in the order above.
    return sorted(((at, what) for at, what in events if at), key=lambda event: event[0])


def _answer_of(message: Message) -> str:
    attempt = f" (attempt {message.attempt})" if message.attempt > 1 else ""
    if message.reason:
        return f"sending{attempt}: {message.description or message.reason}"
    return f"8x8 took it{attempt}"


def _receipt_of(receipt: Receipt) -> str:
    words = _RECEIPT_WORDS.get(receipt.eightx8_state, f"8x8 reports {receipt.eightx8_state}")
    why = receipt.error_message or (f"error {receipt.error_code}" if receipt.error_code else "")
    return f"{words} ({why})" if why else words


def _outcome_of(message: Message) -> str:
    if message.outcome is None:
        return "nothing"
    reason = f" ({message.outcome.reason})" if message.outcome.reason else ""
    return f"{message.outcome.status}{reason}"
