"""Outcome queue: reports final outcomes to MoEngage, and what people write."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.domain.queued import QueuedInbound, QueuedOutcome
from sms_bridge.settings import read_settings
from sms_bridge.settings.forward import ForwardSettings

secrets, outcomes, dead_letters, forward_outcome, pass_on_inbound, read_circuit, preparations = (
    wiring.forward_parts(read_settings(ForwardSettings))
)
startup.finish_loading(*preparations)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Report each outcome; what has to be reported again stays in the queue."""
    # Once: those that are reported side by side would each read it.
    read_circuit()
    return outcomes.work_through(event["Records"], handle, dead_letters)


def handle(queued: QueuedOutcome | QueuedInbound) -> int | None:
    """Report an outcome, or pass on an inbound SMS; returns the seconds until the next try."""
    if isinstance(queued, QueuedOutcome):
        return forward_outcome(queued)
    if pass_on_inbound is None:
        return None
    secret = secrets.get()
    return pass_on_inbound(queued, hash_key=secret.hash_key, api_key=secret.moengage_data_api_key)
