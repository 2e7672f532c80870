"""Outcome queue: reports final outcomes to MoEngage, and who opted out or in."""

from typing import Any

from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DeliveryTracking, UserProfiles
from sms_bridge.services.forward import ForwardOutcome
from sms_bridge.services.sync_opt_out import SyncOptOut
from sms_bridge.settings import ForwardSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.items import INBOUND_PREFIX
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(ForwardSettings)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
sqs = aws_client("sqs")
dynamodb = aws_client("dynamodb")
messages = DynamoDBMessages(dynamodb, settings.messages_table)
outcomes = SqsOutcomeQueue(sqs, settings.outcome_queue_url)
dead_letters = SqsDeadLetterQueue(sqs, settings.outcome_dead_letter_queue_url)
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
        opt_outs=DynamoDBOptOuts(dynamodb, settings.messages_table),
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
finish_loading(dynamodb.connect, *([moengage.connect] if moengage else []))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Tell each outcome; what has to be told again stays in the queue."""
    return outcomes.work_through(event["Records"], report, dead_letters)


def report(item_id: str, received: int) -> int | None:
    """Tell what an item of the table has to tell."""
    if not item_id.startswith(INBOUND_PREFIX):
        return forward_outcome(item_id, received)
    if sync_opt_out is None:
        return None
    secret = secrets.get()
    return sync_opt_out(item_id, hash_key=secret.hash_key, api_key=secret.moengage_data_api_key)
