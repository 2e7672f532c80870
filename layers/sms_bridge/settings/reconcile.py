"""What ``reconcile`` needs to know."""

from sms_bridge.rules.reconciling import AbsentPolicy, MissingReceiptPolicy, UnsettledPolicy
from sms_bridge.rules.sending_again import AmbiguousSendPolicy
from sms_bridge.values import value


@value(kw_only=True)
class ReconcileSettings:
    """Settings of ``reconcile``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    absent_message_policy: AbsentPolicy
    unsettled_message_policy: UnsettledPolicy
    missing_receipt_policy: MissingReceiptPolicy
    unknown_patience_seconds: int
    unsettled_patience_seconds: int
    receipt_patience_seconds: int
