"""What ``forward_outcome`` needs to know."""

from sms_bridge.rules.opt_outs import Identifier
from sms_bridge.values import value


@value(kw_only=True)
class ForwardSettings:
    """Settings of ``forward_outcome``."""

    messages_table: str
    outcome_queue_url: str
    outcome_dead_letter_queue_url: str
    moengage_delivery_tracking_url: str = ""
    bridge_secret_arn: str
    secret_max_age_seconds: int
    moengage_data_api_url: str = ""
    moengage_identifier: Identifier
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
