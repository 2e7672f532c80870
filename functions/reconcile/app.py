"""Every few minutes: finds messages that got stuck and moves them on."""

from typing import Any

from sms_bridge.domain.reconciliation import Timeouts
from sms_bridge.domain.retry_policy import RetryPolicy
from sms_bridge.providers.eightx8_log import LogExports
from sms_bridge.providers.http import Connections
from sms_bridge.services.reconcile import Reconcile, ReconcilePlan
from sms_bridge.settings import ReconcileSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.export_jobs import DynamoDBExportJobs
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.queues import SqsOutcomeQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(ReconcileSettings)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
dynamodb = aws_client("dynamodb")
sqs = aws_client("sqs")
reconcile = Reconcile(
    ReconcilePlan(
        timeouts=Timeouts(
            unknown=settings.unknown_timeout_seconds,
            unresolved=settings.unresolved_timeout_seconds,
            receipt=settings.receipt_timeout_seconds,
        ),
        resend=RetryPolicy(settings.ambiguous_send_policy),
        absent=settings.absent_message_policy,
        unresolved=settings.unresolved_message_policy,
        missing_receipt=settings.missing_receipt_policy,
    ),
    messages=DynamoDBMessages(dynamodb, settings.messages_table),
    outcomes=SqsOutcomeQueue(sqs, settings.outcome_queue_url, once=sqs.trying_once()),
    jobs=DynamoDBExportJobs(dynamodb, settings.messages_table),
    log=LogExports(Connections(settings.eightx8_base_url, connect_timeout=2.0), secrets),
)
finish_loading()


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ARG001
    """Look through the open messages once."""
    return reconcile(time_left=lambda: context.get_remaining_time_in_millis() / 1000)
