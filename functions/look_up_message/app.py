"""GET /messages/{messageId}: tells what became of a message."""

import boto3

from sms_bridge.rules.message_ids import is_message_id
from sms_bridge.settings import LookUpSettings, read_settings
from sms_bridge.storage.clients import AWS_CALLS
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.secret import SecretSource
from sms_bridge.web.authorization import require_look_up
from sms_bridge.web.look_ups import look_up_answer
from sms_bridge.web.refusals import Code, RefusedError
from sms_bridge.web.requests import HttpRequest
from sms_bridge.web.responses import Response, answers_http, json_response

settings = read_settings(LookUpSettings)
secrets = SecretSource(
    boto3.client("secretsmanager", config=AWS_CALLS),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
messages = DynamoDBMessages(boto3.client("dynamodb", config=AWS_CALLS), settings.messages_table)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks, and tell; the recipient's number is masked unless the token allows it."""
    secret = secrets.get()
    full_number = require_look_up(request, secret.look_up_tokens, secret.full_number_tokens)
    message_id = request.path_parameters.get("messageId", "")
    message = messages.get(message_id) if is_message_id(message_id) else None
    if message is None:
        raise RefusedError(Code.MESSAGE_NOT_FOUND, "There is no message with this id.")
    return json_response(look_up_answer(message, full_number=full_number))
