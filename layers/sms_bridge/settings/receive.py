"""Settings of ``receive_callback``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CallbackSettings:
    """Settings of ``receive_callback``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    outcome_queue_url: str
    callback_allowed_networks: str = ""
    callback_base_url: str = ""
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    moengage_data_api_url: str = ""
