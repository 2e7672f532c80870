"""What ``dispatch_queue`` needs to know."""

from sms_bridge.rules.sending_again import AmbiguousSendPolicy
from sms_bridge.values import value


@value(kw_only=True)
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
    kinds_heeding_opt_outs: tuple[str, ...] = ()
    send_rate_limit: int
    dispatch_concurrency: int
