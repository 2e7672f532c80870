"""POST /callbacks/8x8: takes delivery receipts, inbound messages and whatever else 8x8 sends."""

from sms_bridge.api.authentication import (
    read_networks,
    require_address,
    require_callback_token,
    secret_that_allows,
)
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.settings import CallbackSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsOutcomeQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(CallbackSettings)
allowed_networks = read_networks(settings.callback_allowed_networks)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
dynamodb = aws_client("dynamodb")
sqs = aws_client("sqs")
receive_callback = ReceiveCallback(
    messages=DynamoDBMessages(
        dynamodb, settings.messages_table, retention_days=settings.retention_days
    ),
    outcomes=SqsOutcomeQueue(sqs, settings.outcome_queue_url, once=sqs.trying_once()),
    opt_outs=DynamoDBOptOuts(dynamodb, settings.messages_table),
    keywords=keywords_of(settings.opt_out_keywords, settings.opt_in_keywords),
    syncs_opt_outs=bool(settings.moengage_data_api_url),
)
finish_loading(secrets.get, dynamodb.connect, sqs.connect)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who calls, record, acknowledge."""
    require_address(request, allowed_networks)
    secret = secret_that_allows(
        secrets, lambda secret: require_callback_token(request, secret.callback_tokens)
    )
    receive_callback(request.any_text(), hash_key=secret.hash_key)
    return json_response({"status": "recorded"})
