"""The timeline of a message, in words."""

from collections.abc import Iterator
from operator import itemgetter

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Receipt, State

_RECEIPT_WORDS: dict[State | None, str] = {
    State.QUEUED: "8x8 queued it",
    State.SENT: "given to the operator",
    State.DEFERRED: "not delivered yet, the operator goes on trying",
    State.DELIVERED: "delivered to the phone",
    State.UNDELIVERED: "not delivered",
    State.REJECTED: "rejected by the operator",
    State.READ: "read by the recipient",
}


def timeline_of(message: Message) -> list[tuple[str, str]]:
    """Return what happened to a message, in order: when (ISO 8601 UTC), and what.

    What happened is a sentence without a number or a text.
    """
    # Sorting keeps the order of what happened at the same time.
    events = sorted(_events_of(message), key=itemgetter(0))
    return [(timestamp(at), what) for at, what in events if at]


def _events_of(message: Message) -> Iterator[tuple[float, str]]:
    reply = f"the bridge's reply to the recipient's SMS {message.reply_to}"
    yield message.accepted_at, reply if message.reply_to else "accepted from MoEngage"
    # The last attempt, and the result of the one before while the last has not ended.
    if message.answered_at:
        number = message.attempt if message.is_answered else message.attempt - 1
        yield message.answered_at, _answer_of(message, _number(number))
    elif message.state is State.WAITING:
        yield message.accepted_at, "not sent yet" + _waiting_of(message)
    if not message.is_answered:
        yield message.attempt_at, f"handed to 8x8{_number(message.attempt)}"
        # That 8x8 accepted it is not recorded: the first receipt says so.
        if message.state is State.SENDING and not message.receipts:
            yield message.attempt_at, "no receipt has come yet"
    for receipt in message.receipts:
        yield receipt.received_at, _receipt_of(receipt)
    yield from _outcome_of(message)
    for at in message.clicks:
        yield at, "a link in it was opened"


def _answer_of(message: Message, number: str) -> str:
    if not message.reason:
        return f"8x8 accepted it{number}"
    why = message.description or message.reason
    if message.ambiguous_since == message.answered_at:
        return f"ambiguous whether 8x8 accepted it{number}: {why}{_waiting_of(message)}"
    if message.outcome and message.outcome.reason == message.reason:
        return f"failed{number}: {why}"
    return f"not sent yet{number}: {why}{_waiting_of(message)}"


def _number(attempt: int) -> str:
    return f" (attempt {attempt})" if attempt > 1 else ""


def _waiting_of(message: Message) -> str:
    waits = f"; it waits in the send queue, until {_minute(message.send_before)} at most"
    return waits if message.state is State.WAITING else ""


def _receipt_of(receipt: Receipt) -> str:
    words = _RECEIPT_WORDS.get(receipt.state, f"8x8 reports {receipt.eightx8_state}")
    why = receipt.error_message or (f"error {receipt.error_code}" if receipt.error_code else "")
    return f"{words} ({why})" if why else words


def _outcome_of(message: Message) -> Iterator[tuple[float, str]]:
    outcome, due_at = message.outcome, message.outcome_due_at
    if outcome is None:
        return
    reported = f"{outcome.status} ({outcome.reason})" if outcome.reason else str(outcome.status)
    if due_at not in (message.answered_at, *(receipt.received_at for receipt in message.receipts)):
        # 8x8 was silent for long.
        yield due_at, outcome.description or "no final receipt came"
    if message.outcome_is_open:
        times = "once" if message.outcome_tries == 1 else f"{message.outcome_tries} times"
        again = _minute(message.outcome_next_try_at)
        failed = f"; it failed {times} and is tried again at {again}"
        tries = failed if message.outcome_tries else ""
        yield due_at, f"to be reported to MoEngage: {reported}{tries}"
    yield message.outcome_reported_at, f"reported to MoEngage: {reported}"
    yield (
        message.outcome_given_up_at,
        f"gave up reporting to MoEngage: {reported}, because of {message.outcome_given_up}; "
        "sms-bridge replay reports it again",
    )


def _minute(moment: float) -> str:
    return timestamp(moment)[:16].replace("T", " ")
