"""Outcome queue: reports final outcomes to MoEngage, and who opted out or in."""

from typing import Any

from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DeliveryTracking, UserProfiles
from sms_bridge.services.forward import ForwardOutcome
from sms_bridge.services.interfaces import QueuedInbound, QueuedOutcome
from sms_bridge.services.sync_opt_out import SyncOptOut
from sms_bridge.settings import ForwardSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(ForwardSettings)
aws = AwsClients()
secrets = SecretSource(
    aws.secretsmanager,
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
messages = DynamoDBMessages(aws.dynamodb, settings.messages_table, patient=aws.patient_dynamodb)
outcomes = SqsOutcomeQueue(lambda: aws.sqs, settings.outcome_queue_url)
dead_letters = SqsDeadLetterQueue(lambda: aws.sqs, settings.outcome_dead_letter_queue_url)
tracking_url = settings.moengage_delivery_tracking_url
moengage = Connections(tracking_url, connect_timeout=1.0) if tracking_url else None
forward_outcome = ForwardOutcome(
    messages=messages,
    listener=DeliveryTracking(tracking_url, moengage) if moengage else None,
    dead_letters=dead_letters,
)
data_api_url = settings.moengage_data_api_url
sync_opt_out = (
    SyncOptOut(
        messages=messages,
        opt_outs=DynamoDBOptOuts(aws.dynamodb, settings.messages_table),
        profiles=UserProfiles(
            data_api_url,
            Connections(data_api_url, connect_timeout=1.0),
            identifier=settings.moengage_identifier,
        ),
        dead_letters=dead_letters,
        keywords=keywords_of(settings.opt_out_keywords, settings.opt_in_keywords),
    )
    if data_api_url
    else None
)
finish_loading(lambda: messages.get("no message"), *([moengage.connect] if moengage else []))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Report each outcome; what has to be reported again stays in the queue."""
    return outcomes.work_through(event["Records"], handle, dead_letters)


def handle(queued: QueuedOutcome | QueuedInbound) -> int | None:
    """Report an outcome, or pass on who opted out or in."""
    match queued:
        case QueuedOutcome():
            return forward_outcome(queued)
        case QueuedInbound() if sync_opt_out:
            secret = secrets.get()
            return sync_opt_out(
                queued.inbound_id, hash_key=secret.hash_key, api_key=secret.moengage_data_api_key
            )
    return None
