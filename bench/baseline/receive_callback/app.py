"""Takes delivery receipts from 8x8."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.parser import BaseModel
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import idempotency, is_known, logger, metrics, table, tracer

FINAL = {"delivered", "undelivered", "rejected"}

app = APIGatewayHttpResolver(enable_validation=True)
sqs = boto3.client("sqs")
# 8x8 repeats a callback that it believes was not taken.
once = IdempotencyConfig(event_key_jmespath="[message_id, state, at]", expires_after_seconds=86400)


class Status(BaseModel):
    state: str
    timestamp: str


class Payload(BaseModel):
    clientMessageId: str
    status: Status


class Callback(BaseModel):
    payload: Payload


@app.post("/callbacks/8x8")
@tracer.capture_method(capture_response=False)
def receive(callback: Callback) -> dict[str, str]:
    if not is_known(app.current_event.headers, "callbackTokens"):
        raise UnauthorizedError("wrong token")
    message_id, status = callback.payload.clientMessageId, callback.payload.status
    record_once(receipt={"message_id": message_id, "state": status.state, "at": status.timestamp})
    return {"status": "recorded"}


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="receipt", persistence_store=idempotency, config=once
)
@tracer.capture_method(capture_response=False)
def record_once(receipt: dict[str, str]) -> None:
    message_id, state = receipt["message_id"], receipt["state"]
    table.update_item(
        Key={"id": message_id},
        UpdateExpression="SET #status = :status, status_at = :at",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": state, ":at": receipt["at"]},
    )
    if state in FINAL:
        body = json.dumps({"messageId": message_id})
        sqs.send_message(QueueUrl=os.environ["OUTCOME_QUEUE_URL"], MessageBody=body)
    metrics.add_metric("Receipts", MetricUnit.Count, 1)
    logger.info("receipt recorded", message_id=message_id, state=state)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    once.register_lambda_context(context)
    return app.resolve(event, context)
