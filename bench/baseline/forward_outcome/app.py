"""Reports final outcomes to MoEngage."""

import os
from datetime import UTC, datetime
from typing import Any

import urllib3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import idempotency, logger, metrics, table, tracer

processor = BatchProcessor(event_type=EventType.SQS)
http = urllib3.PoolManager()
# SQS delivers some records twice.
once = IdempotencyConfig(event_key_jmespath="messageId", expires_after_seconds=86400)


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="record", persistence_store=idempotency, config=once
)
@tracer.capture_method(capture_response=False)
def tell(record: SQSRecord) -> None:
    message_id = record.json_body["messageId"]
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
    once.register_lambda_context(context)
    return process_partial_response(event, tell, processor, context)
