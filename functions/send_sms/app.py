"""POST /api/v1/subaccounts/{subAccountId}/messages: sends a message through 8x8."""

import time

from sms_bridge.api.authentication import require_sender, secret_that_allows
from sms_bridge.api.callback import callback_url
from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.api.send_request import SendingRules, read_send_request, send_answer
from sms_bridge.domain.message import Message, MessageType
from sms_bridge.domain.retry_policy import RetryPolicy
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.http import Connections
from sms_bridge.services.deadline import AnswerTime, OutOfTimeError, seconds_to_answer
from sms_bridge.services.send import SendingPlan, SendMessage
from sms_bridge.settings import DispatchMode, SendSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsOutcomeQueue, SqsSendQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(SendSettings)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
dynamodb = aws_client("dynamodb")
sqs = aws_client("sqs")
is_queued = settings.dispatch_mode is DispatchMode.QUEUED
messages = DynamoDBMessages(
    dynamodb, settings.messages_table, retention_days=settings.retention_days
)
eightx8 = Connections(settings.eightx8_base_url, connect_timeout=1.0)
send_message = SendMessage(
    SendingPlan(
        duplicate_window=settings.duplicate_window_seconds,
        is_queued=is_queued,
        opt_out_message_types=frozenset(map(MessageType, settings.opt_out_message_types)),
        seconds_to_live={
            MessageType.TRANSACTIONAL: settings.transactional_seconds_to_live,
            MessageType.PROMOTIONAL: settings.promotional_seconds_to_live,
        },
        policy=RetryPolicy(settings.ambiguous_send_policy),
    ),
    messages=messages,
    send_queue=SqsSendQueue(
        sqs,
        {
            MessageType.TRANSACTIONAL: settings.transactional_queue_url,
            MessageType.PROMOTIONAL: settings.promotional_queue_url,
        },
    ),
    outcomes=SqsOutcomeQueue(sqs, settings.outcome_queue_url, once=sqs.trying_once()),
    opt_outs=DynamoDBOptOuts(dynamodb, settings.messages_table),
    sender=EightX8(eightx8, secrets),
)
finish_loading(
    secrets.get,
    # A first read has all ready that a call needs. Where people can opt out, two calls are made
    # side by side.
    lambda: messages.get("no message"),
    *([sqs.connect] if is_queued else [dynamodb.connect, eightx8.connect]),
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
    secret = secret_that_allows(secrets, lambda secret: require_sender(request, secret))
    rules = SendingRules(
        sub_account_ids=settings.sub_account_ids,
        transactional_sub_account_ids=settings.transactional_sub_account_ids,
        country_calling_codes=settings.allowed_country_calling_codes,
        default_source=settings.default_sender_id,
        callback_url=callback_url(settings.callback_base_url, secret.callback_tokens),
    )
    message_request = read_send_request(request, rules)
    return send_message(message_request, hash_key=secret.hash_key, answer_time=answer_time)
