"""Outcome queue: reports final outcomes to MoEngage, and what people write."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.domain.arrivals import QueuedInbound, QueuedOutcome
from sms_bridge.settings import ForwardSettings

parts = wiring.forward_parts(ForwardSettings())
startup.finish_loading(*parts.preparations)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Report each outcome; what has to be reported again stays in the queue."""
    # Once: those that are reported side by side would each read it.
    parts.read_circuit()
    return parts.outcomes.work_through(event["Records"], handle, parts.dead_letters)


def handle(queued: QueuedOutcome | QueuedInbound) -> int | None:
    """Report an outcome, or pass on an inbound SMS; returns the seconds until the next try."""
    if isinstance(queued, QueuedOutcome):
        return parts.forward_outcome(queued)
    if parts.pass_on_inbound is None:
        return None
    secret = parts.secrets.get()
    return parts.pass_on_inbound(
        queued, hash_key=secret.hash_key, api_key=secret.moengage_data_api_key
    )
