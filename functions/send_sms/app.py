"""POST /api/v1/subaccounts/{subAccountId}/messages: sends a message through 8x8."""

import time

import boto3

from sms_bridge.rules.messages import Message
from sms_bridge.settings import SendSettings, read_settings
from sms_bridge.steps.answer_time import AnswerTime, OutOfTimeError, seconds_to_answer
from sms_bridge.steps.send import SendMessage
from sms_bridge.storage.clients import AWS_CALLS
from sms_bridge.storage.dynamodb_messages import DynamoDBMessages
from sms_bridge.storage.outcome_queue import SqsOutcomeQueue
from sms_bridge.storage.secret import SecretSource
from sms_bridge.web.authorization import require_token
from sms_bridge.web.callbacks import callback_url
from sms_bridge.web.connections import Connections
from sms_bridge.web.eightx8 import EightX8
from sms_bridge.web.refusals import Code, RefusedError
from sms_bridge.web.requests import HttpRequest
from sms_bridge.web.responses import Response, answers_http, json_response
from sms_bridge.web.send_answers import send_answer
from sms_bridge.web.send_requests import SendingRules, read_send_request

settings = read_settings(SendSettings)
secrets = SecretSource(
    boto3.client("secretsmanager", config=AWS_CALLS),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
send_message = SendMessage(
    messages=DynamoDBMessages(
        boto3.client("dynamodb", config=AWS_CALLS),
        settings.messages_table,
        retention_days=settings.retention_days,
    ),
    outcomes=SqsOutcomeQueue(boto3.client("sqs", config=AWS_CALLS), settings.outcome_queue_url),
    sender=EightX8(Connections(settings.eightx8_base_url, connect_timeout=1.0), secrets),
    duplicate_window=settings.duplicate_window_seconds,
)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks and what for, send, and answer as 8x8 would, in time."""
    answer_time = AnswerTime[Message](seconds_to_answer(request.arrived_at, time.time()))
    try:
        message = answer_time.run(lambda: send(request, answer_time))
    except OutOfTimeError:
        raise RefusedError(Code.UNAVAILABLE, "Nothing was sent: it took too long.") from None
    return json_response(send_answer(message))


def send(request: HttpRequest, answer_time: AnswerTime[Message]) -> Message:
    """Send the message that is asked for."""
    secret = secrets.get()
    require_token(request, secret.moengage_tokens)
    if not secret.eightx8_api_key:
        raise RefusedError(Code.NOT_CONFIGURED, "The secret does not hold 8x8's API key yet.")
    rules = SendingRules(
        sub_account_ids=settings.sub_account_ids,
        country_calling_codes=settings.allowed_country_calling_codes,
        default_source=settings.default_sender_id,
        callback_url=callback_url(settings.callback_base_url, secret.callback_tokens),
    )
    message_request = read_send_request(request, rules)
    return send_message(message_request, hash_key=secret.hash_key, answer_time=answer_time)
