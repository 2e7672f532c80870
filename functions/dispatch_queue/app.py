"""Send queue: sends what waits, in batches."""

from typing import Any

from sms_bridge.domain.message import MessageType
from sms_bridge.domain.retry_policy import RetryPolicy
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.http import Connections
from sms_bridge.services.dispatch import DispatchMessages, DispatchPlan
from sms_bridge.settings import DispatchSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from sms_bridge.storage.secret import SecretSource

settings = read_settings(DispatchSettings)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
dynamodb = aws_client("dynamodb")
sqs = aws_client("sqs")
eightx8 = Connections(settings.eightx8_base_url, connect_timeout=2.0)
dispatch_messages = DispatchMessages(
    DispatchPlan(
        opt_out_message_types=frozenset(map(MessageType, settings.opt_out_message_types)),
        policy=RetryPolicy(settings.ambiguous_send_policy),
        rate=settings.send_rate_limit,
        # Each of the two queues may have that many.
        at_once=2 * settings.dispatch_concurrency,
    ),
    messages=DynamoDBMessages(dynamodb, settings.messages_table),
    send_queue=SqsSendQueue(
        sqs,
        {
            MessageType.TRANSACTIONAL: settings.transactional_queue_url,
            MessageType.PROMOTIONAL: settings.promotional_queue_url,
        },
    ),
    dead_letters=SqsDeadLetterQueue(sqs, settings.send_dead_letter_queue_url),
    outcomes=SqsOutcomeQueue(sqs, settings.outcome_queue_url, once=sqs.trying_once()),
    opt_outs=DynamoDBOptOuts(dynamodb, settings.messages_table),
    sender=EightX8(eightx8, secrets),
)
finish_loading(secrets.get, dynamodb.connect, eightx8.connect)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send each message; what has to be looked at again stays in the queue."""
    # Without a key nothing could be sent, and what was begun by then would look as if it had been.
    secrets.get()
    return dispatch_messages(
        event["Records"],
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
