"""Outcome queue: reports final outcomes to MoEngage."""

from typing import Any

import boto3

from sms_bridge.settings import ForwardSettings, read_settings
from sms_bridge.steps.forward import ForwardOutcome
from sms_bridge.storage.clients import AWS_CALLS
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.outcome_queue import SqsDeadLetterQueue, SqsOutcomeQueue
from sms_bridge.web.connections import Connections
from sms_bridge.web.moengage import DeliveryTracking

settings = read_settings(ForwardSettings)
sqs = boto3.client("sqs", config=AWS_CALLS)
outcomes = SqsOutcomeQueue(sqs, settings.outcome_queue_url)
tracking_url = settings.moengage_delivery_tracking_url
forward_outcome = ForwardOutcome(
    messages=DynamoDBMessages(boto3.client("dynamodb", config=AWS_CALLS), settings.messages_table),
    listener=DeliveryTracking(tracking_url, Connections(tracking_url, connect_timeout=1.0))
    if tracking_url
    else None,
    dead_letters=SqsDeadLetterQueue(sqs, settings.outcome_dead_letter_queue_url),
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Tell each outcome; what has to be told again stays in the queue."""
    return outcomes.work_through(event["Records"], forward_outcome)
