"""Send queue: sends what waits, in batches."""

from functools import partial
from typing import TYPE_CHECKING, Any

from sms_bridge import startup, wiring
from sms_bridge.settings import DispatchSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

parts = wiring.DispatchParts(DispatchSettings())
startup.finish_loading(*parts.preparations)


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Send each message; what has to be looked at again stays in the queue."""
    # Without a key nothing can be sent, and attempts that were begun would look as if it had been.
    parts.secrets.get()
    dispatch = partial(
        parts.dispatch_messages, time_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    return parts.send_queue.work_through(event["Records"], dispatch, parts.dead_letters)
