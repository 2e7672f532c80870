"""The stack's table, queues and secret, and the clients that the functions reach them with."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest

from sms_bridge.storage.aws import AwsClients
from tests.chaos.aws import Content, Wire
from tests.chaos.dynamodb import Table
from tests.chaos.faults import Faults
from tests.chaos.world import World
from tests.fakes.sqs import InMemorySqs, Queue
from tests.template.conftest import read_template
from tests.template.evaluated import Evaluated

STACK = Evaluated(read_template())
_QUEUES = {
    name: properties
    for name, properties in STACK.resources.items()
    if name in STACK.template.of_type("AWS::SQS::Queue")
}
_SECONDS_HIDDEN_BY_DEFAULT = 30


class Account:
    """The table, the queues and the secret that template.yaml makes.

    Parameters
    ----------
    heard
        Is told what happens to each message, by id.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        random: Random,
        *,
        heard: Callable[[str, str], None],
    ) -> None:
        self._world = world
        self._faults = faults
        self._random = random
        self._heard = heard
        self.secret: dict[str, Any] = {
            "eightx8ApiKey": "key-1",
            "moengageTokens": ["token-of-moengage"],
            "callbackTokens": ["token-of-callbacks"],
            "hashKey": "hash-key",
        }
        self.table = Table(
            lambda: world.now,
            lag=lambda: random.uniform(0.0, 1.0) + faults.amount("index_lags", 5.0, 900.0),
            leaves_keys=lambda: faults.strikes("batch_get_partial"),
            throttles=lambda: faults.strikes("batch_write_partial"),
            heard=heard,
        )
        self.queues: dict[str, Queue] = {}
        # First those to which the others' dead letters go.
        for name, properties in sorted(_QUEUES.items(), key=lambda one: "RedrivePolicy" in one[1]):
            self.queues[name] = self._queue(name, properties)
        self._sqs = InMemorySqs(
            lambda: world.now,
            {queue.url: queue for queue in self.queues.values()},
            fails=lambda _: faults.strikes("sqs_partial"),
        )
        wire = Wire(
            world,
            faults,
            random,
            {
                "dynamodb": self.table,
                "sqs": self._answer_of_sqs,
                "secrets-manager": self._secrets_manager,
            },
        )
        # One set for all environments: to make clients takes longer than most of a run.
        self.clients = AwsClients(wire.session())

    def _answer_of_sqs(self, operation: str, content: Content, _: AWSPreparedRequest) -> Content:
        answer: Content = getattr(self._sqs, xform_name(operation))(**content)
        return answer

    def _secrets_manager(self, operation: str, _: Content, __: AWSPreparedRequest) -> Content:
        assert operation == "GetSecretValue"
        return {"SecretString": json.dumps(self.secret)}

    def _queue(self, name: str, properties: dict[str, Any]) -> Queue:
        redrive = properties.get("RedrivePolicy", {"deadLetterTargetArn": "", "maxReceiveCount": 0})
        return Queue(
            name,
            lambda: self._world.now,
            visibility=properties.get("VisibilityTimeout", _SECONDS_HIDDEN_BY_DEFAULT),
            retention=properties["MessageRetentionPeriod"],
            dead_letters=self.queues.get(resource_of(redrive["deadLetterTargetArn"])),
            max_received=redrive["maxReceiveCount"],
            mix=self._world.random(f"queue {name}").shuffle,
            heard=lambda body, what: self._heard(message_id_in(body), what),
        )


def resource_of(arn: str) -> str:
    """Return whose ARN it is, as :class:`Evaluated` writes it."""
    return arn.strip("<>").removesuffix(".Arn")


def message_id_in(body: str) -> str:
    """Return the id of the message that a record is about."""
    content = json.loads(body)
    return str(content.get("messageId") or content.get("message", {}).get("id", ""))
