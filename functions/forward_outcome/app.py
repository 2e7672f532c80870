"""Outcome queue: reports final outcomes to MoEngage, and what people write."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.settings import ForwardSettings

parts = wiring.ForwardParts(ForwardSettings())
startup.finish_loading(*parts.preparations)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Report each outcome; what has to be reported again stays in the queue."""
    # Once: those that are reported side by side would each read it.
    parts.read_circuit()
    return parts.outcomes.work_through(event["Records"], parts.forward, parts.dead_letters)
