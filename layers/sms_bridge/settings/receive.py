"""Settings of ``receive_callback``."""

from dataclasses import dataclass

from sms_bridge.domain.opt_out import OptOutScope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CallbackSettings:
    """Settings of ``receive_callback``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    transactional_queue_url: str
    outcome_queue_url: str
    sub_account_ids: tuple[str, ...]
    callback_allowed_networks: str = ""
    callback_base_url: str = ""
    opt_out_scope: OptOutScope
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    help_keywords: tuple[str, ...] = ()
    opt_out_reply: str = ""
    opt_in_reply: str = ""
    help_reply: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    transactional_seconds_to_live: int
    moengage_data_api_url: str = ""
    moengage_inbound_event: str = ""
