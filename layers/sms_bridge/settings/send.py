"""Settings of ``send_sms``."""

from dataclasses import dataclass
from enum import StrEnum

from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy


class DispatchMode(StrEnum):
    """How messages reach 8x8."""

    DIRECT = "direct"
    """Each within its own request; the send queue takes what that fails for."""
    QUEUED = "queued"
    """All through the send queue, in batches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SendSettings:
    """Settings of ``send_sms``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    transactional_queue_url: str
    promotional_queue_url: str
    outcome_queue_url: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]
    transactional_sub_account_ids: tuple[str, ...] = ()
    default_sender_id: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    duplicate_window_seconds: int
    callback_base_url: str = ""
    caller_callback_hosts: tuple[str, ...] = ()
    dispatch_mode: DispatchMode
    ambiguous_send_policy: AmbiguousSendPolicy
    transactional_seconds_to_live: int
    promotional_seconds_to_live: int
    opt_out_message_types: tuple[str, ...] = ()
    opt_out_scope: OptOutScope
