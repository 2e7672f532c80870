"""`sms-bridge send-test`: a message through the deployed bridge, followed to its end."""

from collections.abc import Callable
from time import monotonic, sleep, time
from typing import Annotated

import typer

from bridge.calls import call
from bridge.errors import BridgeError
from bridge.message import lines_of
from bridge.options import NUMBER_HELP, AsJson, read_number
from bridge.stack import Stack
from bridge.terminal import say, say_json
from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, OutcomeStatus
from sms_bridge.domain.state import State

_SECONDS_BETWEEN_LOOKS = 1.0


def send_test(
    context: typer.Context,
    to: Annotated[str, typer.Option(callback=read_number, metavar="NUMBER", help=NUMBER_HELP)],
    text: Annotated[
        str | None, typer.Option(help="Its text; without it, one with the time.")
    ] = None,
    sub_account: Annotated[
        str | None, typer.Option(help="8x8's sub-account; without it, the stack's first.")
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, max=3600, help="Follow it for so many seconds.")
    ] = 120,
    as_json: AsJson = False,
) -> None:
    """Send a real SMS as MoEngage would, and follow it to its end.

    MoEngage does not know the message and ignores the report. Exit status 1 unless the SMS was
    delivered and the outcome acknowledged; the last line then names the step that is missing.
    """
    stack: Stack = context.obj
    tokens = stack.secret().moengage_tokens
    if not tokens:
        raise BridgeError("the secret holds no token for MoEngage yet: sms-bridge configure")
    body = {
        "recipient": to,
        # A text of its own each time: the same one again would be a repeat and not be sent.
        "message": text or f"Test of the SMS bridge at {timestamp(time())}",
    }
    url = stack.send_url(sub_account or stack.sub_account_ids[0])
    answer = call("POST", url, token=tokens[0], body=body)
    if answer.status != 200:
        code = answer.code or "without a code"
        raise BridgeError(f"the bridge refused it: HTTP {answer.status}, {code}")
    message_id = answer.json["umid"]

    def show(line: str) -> None:
        if not as_json:
            say(line)

    show(f"Sent as {message_id}.")
    message = follow(lambda: stack.messages.get(message_id), wait, show)
    if message is None:
        raise BridgeError("the bridge answered, but its table does not have the message")
    if as_json:
        say_json(look_up_answer(message, full_number=False))
    elif not is_over(message):
        say(
            f"Not over after {wait} seconds: {missing_step(message)}.",
            f"Later: sms-bridge message {message_id}",
        )
    delivered = message.outcome is not None and message.outcome.status is OutcomeStatus.DELIVERED
    if not (delivered and message.outcome_reported_at):
        raise typer.Exit(1)


def is_over(message: Message) -> bool:
    """Return whether nothing more is to come."""
    return bool(message.outcome_reported_at or message.outcome_given_up)


def missing_step(message: Message) -> str:
    """Return what has not happened yet, and what to look at."""
    if message.outcome is not None:
        return "MoEngage has not acknowledged the outcome; see sms-bridge doctor"
    if message.state is State.WAITING:
        return "it waits in the send queue, because 8x8 throttles or cannot be reached"
    if message.state is State.UNKNOWN:
        return "8x8 did not say whether it accepted it"
    if not message.receipts:
        return "8x8 has sent no receipt; see sms-bridge webhook show"
    return "the operator has not reported the delivery"


def follow(
    look: Callable[[], Message | None], seconds: int, show: Callable[[str], None]
) -> Message | None:
    """Look at a message, show what is new until it is over, and return it as it was then."""
    end = monotonic() + seconds
    shown: list[str] = []
    while True:
        message = look()
        # What comes late may belong before what was shown; it is shown when it is known.
        for line in lines_of(message) if message else ():
            if line not in shown:
                shown.append(line)
                show(line)
        if (message and is_over(message)) or monotonic() >= end:
            return message
        sleep(_SECONDS_BETWEEN_LOOKS)
