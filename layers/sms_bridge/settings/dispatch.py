"""Settings of ``dispatch_queue``."""

from dataclasses import dataclass

from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DispatchSettings:
    """Settings of ``dispatch_queue``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    transactional_queue_url: str
    promotional_queue_url: str
    send_dead_letter_queue_url: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    opt_out_message_types: tuple[str, ...] = ()
    opt_out_scope: OptOutScope
    send_rate_limit: int
    dispatch_concurrency: int
