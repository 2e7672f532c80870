"""Settings of ``reconcile``."""

from dataclasses import dataclass

from sms_bridge.domain.reconciliation import (
    MIN_UNRESOLVED_TIMEOUT,
    AbsentPolicy,
    MissingReceiptPolicy,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy
from sms_bridge.settings import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReconcileSettings:
    """Settings of ``reconcile``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    absent_message_policy: AbsentPolicy
    unresolved_message_policy: UnresolvedPolicy
    missing_receipt_policy: MissingReceiptPolicy
    unknown_timeout_seconds: int
    unresolved_timeout_seconds: int
    receipt_timeout_seconds: int

    def __post_init__(self) -> None:
        """Refuse a time in which 8x8's log could prove nothing."""
        if self.unresolved_timeout_seconds < MIN_UNRESOLVED_TIMEOUT:
            raise SettingsError(f"UNRESOLVED_TIMEOUT_SECONDS is less than {MIN_UNRESOLVED_TIMEOUT}")
