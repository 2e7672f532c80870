"""Every few minutes: finds messages that got stuck and moves them on."""

from typing import TYPE_CHECKING, Any

from sms_bridge import startup, wiring
from sms_bridge.domain.clock import seconds_of
from sms_bridge.settings import ReconcileSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

parts = wiring.ReconcileParts(ReconcileSettings())
startup.finish_loading()


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Look through the open messages once; through old ones, too, if no schedule asked."""
    is_scheduled = event.get("source") == "aws.events"
    return parts.reconcile(
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        scheduled_at=seconds_of(event["time"]) if is_scheduled else 0.0,
    )
