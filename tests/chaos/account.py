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

_DAY = 86_400


class Account:
    """What template.yaml makes, with the same settings.

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
        self.send_dead_letters = self._queue("send-dead-letters", visibility=30, days=14)
        self.outcome_dead_letters = self._queue("outcome-dead-letters", visibility=30, days=14)
        self.promotional, self.transactional = (
            self._queue(name, visibility=361, days=2, dead_letters=self.send_dead_letters)
            for name in ("promotional", "transactional")
        )
        self.outcomes = self._queue(
            "outcomes", visibility=180, days=14, dead_letters=self.outcome_dead_letters
        )
        queues = (
            self.promotional,
            self.transactional,
            self.outcomes,
            self.send_dead_letters,
            self.outcome_dead_letters,
        )
        self._sqs = InMemorySqs(
            lambda: world.now,
            {queue.url: queue for queue in queues},
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

    def _queue(
        self, name: str, *, visibility: float, days: float, dead_letters: Queue | None = None
    ) -> Queue:
        return Queue(
            name,
            lambda: self._world.now,
            visibility=visibility,
            retention=days * _DAY,
            dead_letters=dead_letters,
            mix=self._world.random(f"queue {name}").shuffle,
            heard=lambda body, what: self._heard(message_id_in(body), what),
        )


def message_id_in(body: str) -> str:
    """Return the id of the message that a record is about."""
    content = json.loads(body)
    return str(content.get("messageId") or content.get("message", {}).get("id", ""))
