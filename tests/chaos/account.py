"""The stack's table, queues and secret, and the clients that the functions reach them with."""

import json
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from sms_bridge.storage.secret import SecretSource
from tests.chaos.aws import TRIES, AwsCalls
from tests.chaos.dynamodb import DynamoDBClient, Table
from tests.chaos.faults import Faults
from tests.chaos.sqs import Queue, SqsClient
from tests.chaos.world import World

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
            "moengageTokens": ["token"],
            "callbackTokens": ["callback-token"],
            "hashKey": "hash-key",
        }
        self.table = Table(
            lambda: world.now,
            lag=lambda: random.uniform(0.0, 1.0) + faults.amount("index_lags", 5.0, 900.0),
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

    def _queue(
        self, name: str, *, visibility: float, days: float, dead_letters: Queue | None = None
    ) -> Queue:
        return Queue(
            name,
            lambda: self._world.now,
            self._world.random(f"queue {name}"),
            visibility=visibility,
            retention=days * _DAY,
            dead_letters=dead_letters,
            heard=lambda body, what: self._heard(message_id_in(body), what),
        )

    def dynamodb(self) -> Any:
        """Return a client of the table."""
        calls = AwsCalls(
            self._world,
            self._faults,
            self._random,
            fails="dynamodb_throttled",
            down="dynamodb_down",
            answer_lost="dynamodb_answer_lost",
            answers_lost="dynamodb_answers_lost",
        )
        return DynamoDBClient(
            self.table,
            calls,
            leaves_keys=lambda: self._faults.strikes("batch_get_partial"),
            throttles=lambda: self._faults.strikes("batch_write_partial"),
        )

    def sqs(self, *, tries: int = TRIES) -> Any:
        """Return a client of the queues."""
        calls = AwsCalls(
            self._world,
            self._faults,
            self._random,
            fails="sqs_fails",
            answers_lost="sqs_answers_lost",
            tries=tries,
        )
        queues = [
            self.promotional,
            self.transactional,
            self.outcomes,
            self.send_dead_letters,
            self.outcome_dead_letters,
        ]
        return SqsClient(queues, calls)

    def secrets(self, clock: Callable[[], float]) -> SecretSource:
        """Return what reads the secret."""

        def get_secret_value(*, SecretId: str) -> dict[str, str]:  # noqa: ARG001
            self._world.wait(self._random.uniform(0.005, 0.03))
            return {"SecretString": json.dumps(self.secret)}

        client: Any = SimpleNamespace(get_secret_value=get_secret_value)
        return SecretSource(client, "arn", max_age_seconds=300, clock=clock)


def message_id_in(body: str) -> str:
    """Return the id of the message that a record is about."""
    about = json.loads(body.partition("\n")[0])
    return str(about.get("messageId") or about.get("message_id") or "")
