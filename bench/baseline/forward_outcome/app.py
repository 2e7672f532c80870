"""Reports final outcomes to MoEngage."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer()
metrics = Metrics(namespace="SmsBridge")
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["MESSAGES_TABLE"])
http = urllib3.PoolManager()
idempotency = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
# SQS delivers some records twice.
once = IdempotencyConfig(event_key_jmespath="message_id", expires_after_seconds=86400)


def tell(record: SQSRecord) -> None:
    """Tell one outcome."""
    tell_once(outcome={"message_id": record.json_body["messageId"]})


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="outcome", persistence_store=idempotency, config=once
)
@tracer.capture_method(capture_response=False)
def tell_once(outcome: dict[str, str]) -> None:
    """Tell MoEngage, and write down that it knows."""
    message_id = outcome["message_id"]
    message = table.get_item(Key={"id": message_id})["Item"]
    answer = http.request(
        "POST",
        os.environ["MOENGAGE_DELIVERY_TRACKING_URL"],
        json={"messageId": message_id, "status": str(message["status"]).upper()},
        timeout=5.0,
    )
    if answer.status != 200:
        raise RuntimeError(f"MoEngage answered {answer.status}")
    table.update_item(
        Key={"id": message_id},
        UpdateExpression="SET told_at = :at",
        ExpressionAttributeValues={":at": datetime.now(UTC).isoformat()},
    )
    metrics.add_metric("OutcomesForwarded", MetricUnit.Count, 1)
    logger.info("outcome told", message_id=message_id)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Tell each outcome; what failed comes again."""
    once.register_lambda_context(context)
    return process_partial_response(event, tell, processor, context)
