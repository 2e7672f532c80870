"""The composition root: builds each function's service from its settings and AWS's clients.

Tests put clients and a clock of their own in the place of `AwsClients` and `Timing`. Each builder
imports what few of the functions need.
"""

import functools
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import MessageType
from sms_bridge.settings import (
    CallbackSettings,
    DispatchSettings,
    ForwardSettings,
    LookUpSettings,
    SendSettings,
    Settings,
)
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.messages import DynamoDBMessages, DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from sms_bridge.storage.secret import SecretSource
from sms_bridge.storage.table import MessagesTable

if TYPE_CHECKING:
    from sms_bridge.services.dispatch import DispatchMessages
    from sms_bridge.services.forward import ForwardOutcome
    from sms_bridge.services.look_up import LookUp
    from sms_bridge.services.pass_on import PassOnInbound
    from sms_bridge.services.receive import ReceiveCallback
    from sms_bridge.services.reconcile import Reconcile
    from sms_bridge.services.send import SendMessage
    from sms_bridge.services.send_batch import SendBatch
    from sms_bridge.settings import ReconcileSettings

Preparations = Sequence[Callable[[], object]]
"""Done before the first event, which would wait for it."""


class Timing(NamedTuple):
    """Time and chance, which tests hold in their own hands."""

    clock: Clock = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


def send_parts(
    settings: SendSettings,
) -> "tuple[SecretSource, SendMessage, Callable[[], SendBatch], Preparations]":
    """Build ``send_sms``; the service that takes batches is loaded with the first one."""
    from sms_bridge.providers.eightx8 import EightX8
    from sms_bridge.providers.http import Connections
    from sms_bridge.services.send import SendMessage

    aws, timing = AwsClients(), Timing()
    secrets = _secrets(settings, aws)
    messages = DynamoDBMessages(_table(settings, aws), retention_days=settings.retention_days)
    send_queue = SqsSendQueue(lambda: aws.sqs, _send_queue_urls(settings))
    eightx8 = Connections(settings.eightx8_base_url, connect_timeout=1.0)
    send_message = SendMessage(
        settings=settings,
        messages=messages,
        send_queue=send_queue,
        outcomes=_outcomes(settings.outcome_queue_url, aws),
        opt_outs=DynamoDBOptOuts(_table(settings, aws), settings.opt_out_scope),
        sender=EightX8(eightx8, secrets),
        **timing._asdict(),
    )

    def send_batch() -> "SendBatch":
        from sms_bridge.services.send_batch import SendBatch

        return SendBatch(
            settings=settings, messages=messages, send_queue=send_queue, clock=timing.clock
        )

    # In direct mode only batches and few sends need a queue.
    connect = (lambda: aws.sqs) if settings.is_queued else eightx8.connect
    # Two reads at once: the opt-out is looked up while the message is claimed.
    reads = _first_read(messages), _first_read(messages)
    return secrets, send_message, send_batch, (secrets.get, *reads, connect)


def dispatch_parts(
    settings: DispatchSettings,
) -> "tuple[SecretSource, SqsSendQueue, DispatchMessages, Preparations]":
    """Build ``dispatch_queue``."""
    from sms_bridge.providers.eightx8 import EightX8
    from sms_bridge.providers.http import Connections
    from sms_bridge.services.dispatch import DispatchMessages

    aws, timing = AwsClients(), Timing()
    secrets = _secrets(settings, aws)
    messages = DynamoDBMessages(_table(settings, aws))
    send_queue = SqsSendQueue(lambda: aws.sqs, _send_queue_urls(settings))
    eightx8 = Connections(settings.eightx8_base_url, connect_timeout=2.0)
    dispatch_messages = DispatchMessages(
        settings=settings,
        messages=messages,
        send_queue=send_queue,
        dead_letters=SqsDeadLetterQueue(lambda: aws.sqs, settings.send_dead_letter_queue_url),
        outcomes=_outcomes(settings.outcome_queue_url, aws),
        opt_outs=DynamoDBOptOuts(_table(settings, aws), settings.opt_out_scope),
        sender=EightX8(eightx8, secrets),
        **timing._asdict(),
    )
    preparations = secrets.get, _first_read(messages), eightx8.connect
    return secrets, send_queue, dispatch_messages, preparations


def receive_parts(
    settings: CallbackSettings,
) -> "tuple[SecretSource, ReceiveCallback, Preparations]":
    """Build ``receive_callback``."""
    from sms_bridge.services.receive import ReceiveCallback
    from sms_bridge.services.reply import Reply

    aws, timing = AwsClients(), Timing()
    secrets = _secrets(settings, aws)
    messages = DynamoDBMessages(_table(settings, aws), retention_days=settings.retention_days)
    reply = Reply(
        settings=settings,
        messages=messages,
        send_queue=SqsSendQueue(
            lambda: aws.sqs, {MessageType.TRANSACTIONAL: settings.transactional_queue_url}
        ),
        clock=timing.clock,
    )
    receive_callback = ReceiveCallback(
        settings=settings,
        messages=messages,
        outcomes=_outcomes(settings.outcome_queue_url, aws),
        opt_outs=DynamoDBOptOuts(_table(settings, aws), settings.opt_out_scope),
        reply=reply,
        clock=timing.clock,
    )
    # Every outcome is queued.
    return secrets, receive_callback, (secrets.get, _first_read(messages), lambda: aws.sqs_once)


class ForwardParts(NamedTuple):
    """What ``forward_outcome`` is made of."""

    secrets: SecretSource
    outcomes: SqsOutcomeQueue
    dead_letters: SqsDeadLetterQueue
    forward_outcome: "ForwardOutcome"
    pass_on_inbound: "PassOnInbound | None"
    """``None`` while no Data API is set."""
    read_circuit: Callable[[], object]
    preparations: Preparations


def forward_parts(settings: ForwardSettings) -> ForwardParts:
    """Build ``forward_outcome``."""
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    from sms_bridge.providers.http import Connections
    from sms_bridge.providers.moengage import DataApi, delivery_tracking
    from sms_bridge.services.forward import CIRCUIT, ForwardOutcome, behind_circuit
    from sms_bridge.services.pass_on import PassOnInbound

    aws, timing = AwsClients(), Timing()
    messages = DynamoDBMessages(
        _table(settings, aws), patient=MessagesTable(aws.patient_dynamodb, settings.messages_table)
    )
    dead_letters = SqsDeadLetterQueue(lambda: aws.sqs, settings.outcome_dead_letter_queue_url)
    circuits = CircuitBreakerDynamoDBPersistence(
        settings.messages_table, expiry_attr="expires_at", boto3_client=aws.dynamodb
    )
    read_circuit = functools.partial(circuits.get_state, CIRCUIT)
    # The first read makes ready what `_first_read` does.
    preparations: list[Callable[[], object]] = [read_circuit]
    report = None
    if url := settings.moengage_delivery_tracking_url:
        moengage = Connections(url, connect_timeout=1.0)
        report = behind_circuit(delivery_tracking(url, moengage), circuits)
        preparations.append(moengage.connect)
    forward_outcome = ForwardOutcome(
        messages=messages,
        report=report,
        dead_letters=dead_letters,
        clock=timing.clock,
        chance=timing.chance,
    )
    pass_on_inbound = None
    if url := settings.moengage_data_api_url:
        pass_on_inbound = PassOnInbound(
            messages=messages,
            opt_outs=DynamoDBOptOuts(_table(settings, aws), settings.opt_out_scope),
            users=DataApi(
                url,
                Connections(url, connect_timeout=1.0),
                identifier=settings.moengage_identifier,
                inbound_event=settings.moengage_inbound_event,
            ),
            dead_letters=dead_letters,
            keywords=settings.keywords,
            clock=timing.clock,
        )
    return ForwardParts(
        _secrets(settings, aws),
        _outcomes(settings.outcome_queue_url, aws),
        dead_letters,
        forward_outcome,
        pass_on_inbound,
        read_circuit,
        preparations,
    )


def reconcile(settings: "ReconcileSettings") -> "Reconcile":
    """Build ``reconcile``."""
    from sms_bridge.providers.eightx8_log import EightX8Log
    from sms_bridge.providers.http import Connections
    from sms_bridge.services.reconcile import Reconcile

    aws, timing = AwsClients(), Timing()
    eightx8 = Connections(settings.eightx8_base_url, connect_timeout=2.0)
    return Reconcile(
        settings=settings,
        messages=DynamoDBMessages(_table(settings, aws)),
        outcomes=_outcomes(settings.outcome_queue_url, aws),
        log=EightX8Log(eightx8, _secrets(settings, aws)),
        clock=timing.clock,
        sleep=timing.sleep,
    )


def look_up_parts(settings: LookUpSettings) -> "tuple[SecretSource, LookUp]":
    """Build ``look_up_message``."""
    from sms_bridge.providers.eightx8_log import EightX8Log
    from sms_bridge.providers.http import Connections
    from sms_bridge.services.look_up import LookUp

    aws = AwsClients()
    secrets = _secrets(settings, aws)
    eightx8 = Connections(settings.eightx8_base_url, connect_timeout=1.0)
    look_up = LookUp(
        messages=DynamoDBMessages(_table(settings, aws)),
        client_message_id_of=EightX8Log(eightx8, secrets).client_message_id_of,
        sub_account_ids=settings.sub_account_ids,
    )
    return secrets, look_up


def _secrets(settings: Settings, aws: AwsClients) -> SecretSource:
    max_age = settings.secret_max_age_seconds
    return SecretSource(aws.secretsmanager, settings.bridge_secret_arn, max_age_seconds=max_age)


def _table(settings: Settings, aws: AwsClients) -> MessagesTable:
    return MessagesTable(aws.dynamodb, settings.messages_table)


def _send_queue_urls(settings: SendSettings | DispatchSettings) -> dict[MessageType, str]:
    return {
        MessageType.TRANSACTIONAL: settings.transactional_queue_url,
        MessageType.PROMOTIONAL: settings.promotional_queue_url,
    }


def _outcomes(url: str, aws: AwsClients) -> SqsOutcomeQueue:
    return SqsOutcomeQueue(lambda: aws.sqs, url, once=lambda: aws.sqs_once)


def _first_read(messages: DynamoDBMessages) -> Callable[[], object]:
    """Return a read after which all is ready that a call needs: connection, credentials, code."""
    return lambda: messages.get("no message")
