"""Every few minutes: finds messages that got stuck and moves them on."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.settings import ReconcileSettings, read_settings

reconcile = wiring.reconcile(read_settings(ReconcileSettings))
startup.finish_loading()


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look through the open messages once; through all of them when the schedule did not ask."""
    return reconcile(
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        all_ages=event.get("source") != "aws.events",
    )
