"""Settings of ``forward_outcome``."""

from dataclasses import dataclass

from sms_bridge.domain.opt_out import Identifier, OptOutScope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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
    moengage_inbound_event: str = ""
    opt_out_scope: OptOutScope
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    help_keywords: tuple[str, ...] = ()
