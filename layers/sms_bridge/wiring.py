"""The composition root: builds each function's parts from its settings and AWS's clients.

Tests put clients and a clock of their own in the place of `AwsClients` and `Timing`. Each class
imports what few of the functions need.
"""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sms_bridge.domain.clock import Clock
from sms_bridge.domain.message import MessageType
from sms_bridge.settings import (
    CallbackSettings,
    DispatchSettings,
    ForwardSettings,
    LookUpSettings,
    ReconcileSettings,
    SendSettings,
    Settings,
)
from sms_bridge.storage.aws import AwsClients
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from sms_bridge.storage.secret import SecretSource
from sms_bridge.storage.table import MessagesTable

if TYPE_CHECKING:
    from sms_bridge.services.send_batch import SendBatch


class Timing(NamedTuple):
    """Time and chance, which tests hold in their own hands."""

    clock: Clock = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class _Parts:
    """What every function has."""

    preparations: Sequence[Callable[[], object]] = ()
    """Done before the first event, which would wait for it."""

    # Only what creates items has to know for how long they are kept: their time stays.
    def __init__(self, settings: Settings, retention_days: int = 90) -> None:
        self.aws, self.timing = AwsClients(), Timing()
        self.secrets = SecretSource(
            self.aws.secretsmanager,
            settings.bridge_secret_arn,
            max_age_seconds=settings.secret_max_age_seconds,
        )
        self.table = MessagesTable(self.aws.dynamodb, settings.messages_table)
        self.messages = DynamoDBMessages(self.table, retention_days=retention_days)

    def send_queue_of(self, transactional: str, promotional: str = "") -> SqsSendQueue:
        urls = {MessageType.TRANSACTIONAL: transactional, MessageType.PROMOTIONAL: promotional}
        return SqsSendQueue(self.aws, urls)

    def first_read(self) -> object:
        """Read, so that all is ready that a call needs: connection, credentials, code."""
        return self.messages.get("no message")


class SendParts(_Parts):
    """Those of ``send_sms``."""

    def __init__(self, settings: SendSettings) -> None:
        from sms_bridge.providers.eightx8 import EightX8
        from sms_bridge.providers.http import Connections
        from sms_bridge.services.send import SendMessage

        super().__init__(settings, settings.retention_days)
        eightx8 = Connections(settings.eightx8_base_url, connect_timeout=1.0)
        self.send_message = SendMessage(
            settings=settings,
            messages=self.messages,
            send_queue=self.send_queue_of(
                settings.transactional_queue_url, settings.promotional_queue_url
            ),
            outcomes=SqsOutcomeQueue(self.aws, settings.outcome_queue_url),
            opt_outs=DynamoDBOptOuts(self.table, settings.opt_out_scope),
            sender=EightX8(eightx8, self.secrets),
            **self.timing._asdict(),
        )
        # In direct mode only batches and few sends need a queue.
        connect = (lambda: self.aws.sqs) if settings.is_queued else eightx8.connect
        # Two reads at once: the opt-out is looked up while the message is claimed.
        self.preparations = self.secrets.get, self.first_read, self.first_read, connect

    def send_batch(self) -> "SendBatch":
        """Return what takes a batch; it is loaded with the first one."""
        from sms_bridge.services.send_batch import SendBatch

        return SendBatch(self.send_message)


class DispatchParts(_Parts):
    """Those of ``dispatch_queue``."""

    def __init__(self, settings: DispatchSettings) -> None:
        from sms_bridge.providers.eightx8 import EightX8
        from sms_bridge.providers.http import Connections
        from sms_bridge.services.dispatch import DispatchMessages

        super().__init__(settings)
        eightx8 = Connections(settings.eightx8_base_url, connect_timeout=2.0)
        self.send_queue = self.send_queue_of(
            settings.transactional_queue_url, settings.promotional_queue_url
        )
        self.dead_letters = SqsDeadLetterQueue(self.aws, settings.send_dead_letter_queue_url)
        self.dispatch_messages = DispatchMessages(
            settings=settings,
            messages=self.messages,
            send_queue=self.send_queue,
            dead_letters=self.dead_letters,
            outcomes=SqsOutcomeQueue(self.aws, settings.outcome_queue_url),
            opt_outs=DynamoDBOptOuts(self.table, settings.opt_out_scope),
            sender=EightX8(eightx8, self.secrets),
            **self.timing._asdict(),
        )
        self.preparations = self.secrets.get, self.first_read, eightx8.connect


class CallbackParts(_Parts):
    """Those of ``receive_callback``."""

    def __init__(self, settings: CallbackSettings) -> None:
        from sms_bridge.services.receive import ReceiveCallback

        super().__init__(settings, settings.retention_days)
        self.receive_callback = ReceiveCallback(
            settings=settings,
            messages=self.messages,
            outcomes=SqsOutcomeQueue(self.aws, settings.outcome_queue_url),
            opt_outs=DynamoDBOptOuts(self.table, settings.opt_out_scope),
            send_queue=self.send_queue_of(settings.transactional_queue_url),
            clock=self.timing.clock,
        )
        # Every outcome is queued.
        self.preparations = self.secrets.get, self.first_read, lambda: self.aws.sqs_once


class ForwardParts(_Parts):
    """Those of ``forward_outcome``."""

    def __init__(self, settings: ForwardSettings) -> None:
        from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
            CircuitBreakerDynamoDBPersistence,
        )

        from sms_bridge.providers.http import Connections
        from sms_bridge.providers.moengage import DataApi, delivery_tracking
        from sms_bridge.services.forward import CIRCUIT, Forward, behind_circuit

        super().__init__(settings)
        self.outcomes = SqsOutcomeQueue(self.aws, settings.outcome_queue_url)
        self.dead_letters = SqsDeadLetterQueue(self.aws, settings.outcome_dead_letter_queue_url)
        circuits = CircuitBreakerDynamoDBPersistence(
            settings.messages_table, expiry_attr="expires_at", boto3_client=self.aws.dynamodb
        )
        self.read_circuit = partial(circuits.get_state, CIRCUIT)
        # The first read makes ready what `first_read` does.
        self.preparations = [self.read_circuit]
        report = users = None
        if url := settings.moengage_delivery_tracking_url:
            moengage = Connections(url, connect_timeout=1.0)
            report = behind_circuit(delivery_tracking(url, moengage), circuits)
            self.preparations = self.read_circuit, moengage.connect
        if url := settings.moengage_data_api_url:
            users = DataApi(
                url,
                Connections(url, connect_timeout=1.0),
                identifier=settings.moengage_identifier,
                inbound_event=settings.moengage_inbound_event,
            )
        patient = MessagesTable(self.aws.patient_dynamodb, settings.messages_table)
        self.forward = Forward(
            settings=settings,
            messages=DynamoDBMessages(self.table, patient),
            opt_outs=DynamoDBOptOuts(self.table, settings.opt_out_scope),
            dead_letters=self.dead_letters,
            secrets=self.secrets,
            report=report,
            users=users,
            clock=self.timing.clock,
            chance=self.timing.chance,
        )


class ReconcileParts(_Parts):
    """Those of ``reconcile``."""

    def __init__(self, settings: ReconcileSettings) -> None:
        from sms_bridge.providers.eightx8_log import EightX8Log
        from sms_bridge.providers.http import Connections
        from sms_bridge.services.reconcile import Reconcile

        super().__init__(settings)
        eightx8 = Connections(settings.eightx8_base_url, connect_timeout=2.0)
        self.reconcile = Reconcile(
            settings=settings,
            messages=self.messages,
            outcomes=SqsOutcomeQueue(self.aws, settings.outcome_queue_url),
            log=EightX8Log(eightx8, self.secrets),
            clock=self.timing.clock,
            sleep=self.timing.sleep,
        )


class LookUpParts(_Parts):
    """Those of ``look_up_message``."""

    def __init__(self, settings: LookUpSettings) -> None:
        from sms_bridge.providers.eightx8_log import EightX8Log
        from sms_bridge.providers.http import Connections
        from sms_bridge.services.look_up import LookUp

        super().__init__(settings)
        eightx8 = Connections(settings.eightx8_base_url, connect_timeout=1.0)
        self.look_up = LookUp(
            messages=self.messages,
            client_message_id_of=EightX8Log(eightx8, self.secrets).client_message_id_of,
            sub_account_ids=settings.sub_account_ids,
        )
