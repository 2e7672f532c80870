"""Takes a message from MoEngage and sends it through 8x8."""

import os
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import urllib3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.parser import BaseModel
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import idempotency, is_known, logger, metrics, secret, table, tracer

app = APIGatewayHttpResolver(enable_validation=True)
http = urllib3.PoolManager()
once = IdempotencyConfig(
    event_key_jmespath="[sub_account_id, recipient, message]", expires_after_seconds=120
)


class SendRequest(BaseModel):
    recipient: str
    message: str
    sender: str | None = None
    campaignId: str | None = None


@app.post("/api/v1/subaccounts/<sub_account_id>/messages")
@tracer.capture_method(capture_response=False)
def send(sub_account_id: Annotated[str, Path()], request: SendRequest) -> Response[Any]:
    if not is_known(app.current_event.headers, "moengageTokens"):
        raise UnauthorizedError("wrong token")
    answer = send_once(message={"sub_account_id": sub_account_id, **request.model_dump()})
    return Response(HTTPStatus.OK, content_types.APPLICATION_JSON, answer)


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="message", persistence_store=idempotency, config=once
)
@tracer.capture_method(capture_response=False)
def send_once(message: dict[str, Any]) -> dict[str, Any]:
    message_id = str(uuid.uuid4())
    answer = http.request(
        "POST",
        f"{os.environ['EIGHTX8_BASE_URL']}/api/v1/subaccounts/{message['sub_account_id']}/messages",
        json={
            "destination": message["recipient"],
            "text": message["message"],
            "source": message["sender"],
            "clientMessageId": message_id,
        },
        headers={"Authorization": f"Bearer {secret()['eightx8ApiKey']}"},
        timeout=4.0,
    )
    sent, now = answer.json(), datetime.now(UTC)
    item = {
        "id": message_id,
        "umid": sent["umid"],
        "sub_account_id": message["sub_account_id"],
        "recipient": message["recipient"],
        "status": "queued",
        "sent_at": now.isoformat(),
        "expires_at": int((now + timedelta(days=90)).timestamp()),
    }
    if message["campaignId"]:
        item["campaign_id"] = message["campaignId"]
    table.put_item(Item=item)
    metrics.add_metric("Sent", MetricUnit.Count, 1)
    logger.info("message sent", message_id=message_id, umid=sent["umid"], status=answer.status)
    return {"messageId": message_id, "destination": message["recipient"], **sent}


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    once.register_lambda_context(context)
    return app.resolve(event, context)
