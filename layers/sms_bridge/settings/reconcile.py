"""Settings of ``reconcile``, apart from the others, which do not load its policies."""

from collections.abc import Mapping
from os import environ

from sms_bridge.domain.reconciliation import (
    MIN_UNRESOLVED_TIMEOUT,
    AbsentPolicy,
    MissingReceiptPolicy,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy
from sms_bridge.settings import Settings, SettingsError


class ReconcileSettings(Settings):
    """Settings of ``reconcile``."""

    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    absent_message_policy: AbsentPolicy
    unresolved_message_policy: UnresolvedPolicy
    missing_receipt_policy: MissingReceiptPolicy
    unknown_timeout_seconds: int
    unresolved_timeout_seconds: int
    receipt_timeout_seconds: int

    def __init__(self, environment: Mapping[str, str] = environ) -> None:
        super().__init__(environment)
        if self.unresolved_timeout_seconds < MIN_UNRESOLVED_TIMEOUT:
            # In less time 8x8's log could prove nothing.
            raise SettingsError(f"UNRESOLVED_TIMEOUT_SECONDS is less than {MIN_UNRESOLVED_TIMEOUT}")
