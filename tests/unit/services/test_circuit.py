"""All functions stop calling MoEngage while it is down, and one finds out when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
    CircuitBreakerDynamoDBPersistence,
)

from sms_bridge.domain.arrivals import QueuedOutcome
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, is_message_id
from sms_bridge.domain.reconciliation import finding_of
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.errors import UnreadableItemError
from sms_bridge.services.forward import CIRCUIT, Forward, behind_circuit
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.table import INDEXES, MessagesTable
from tests.builders import a_message, a_receipt
from tests.fakes.aws import (
    TABLE,
    a_messages_table,
    an_aws_account,
    client_of,
    clients_of_a_function,
)
from tests.fakes.circuit import circuits
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.moengage import FakeMoEngage
from tests.services import TIMEOUTS, a_service
from tests.unit.privacy import EveryLine, SpeakingError, every_line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["every_line"]

DOWN = ReportResult(verdict=ReportVerdict.RETRY, http_status=503)
BACK = ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)


class Bridge:
    """Functions of one stack, with a real table; outcomes are due without end."""

    def __init__(self) -> None:
        self.clock = TurnableClock()
        self.client: DynamoDBClient = clients_of_a_function().dynamodb
        self.messages = DynamoDBMessages(MessagesTable(client_of("dynamodb"), TABLE))
        self.moengage = FakeMoEngage(DOWN)
        self.running = ""
        self._functions: dict[str, Forward] = {}
        self._ids = 0

    def forward(self, function: str, queued: QueuedOutcome | None = None) -> int | None:
        """Report an outcome, of a message of its own unless its record is given."""
        self.running = function
        if function not in self._functions:
            states = CircuitBreakerDynamoDBPersistence(
                TABLE, expiry_attr="expires_at", boto3_client=self.client
            )
            self._functions[function] = a_service(
                Forward,
                messages=self.messages,
                report=behind_circuit(self.moengage.report, states),
                clock=self.clock,
            )
        return self._functions[function](queued or self.due())

    def due(self) -> QueuedOutcome:
        """Return the first record of an outcome that has just become due."""
        self._ids += 1
        message_id = f"{self._ids:032x}"
        self.messages.create(a_message(id=message_id, accepted_at=self.clock.now))
        receipt = a_receipt("delivered", received_at=self.clock.now)
        recorded = self.messages.record_receipt(
            message_id, receipt, Outcome(OutcomeStatus.DELIVERED)
        )
        return QueuedOutcome(message_id, recorded.message.outcome_lease_owner, 1, {"body": ""})

    def message(self, queued: QueuedOutcome) -> Message:
        message = self.messages.get(queued.message_id)
        assert message
        return message

    def open_the_circuit(self) -> None:
        for _ in range(10):
            self.forward("one")

    def item(self) -> dict[str, Any]:
        answer = self.client.get_item(TableName=TABLE, Key={"id": {"S": CIRCUIT}})
        return dict(answer.get("Item", {}))

    @contextmanager
    def calls(self, number: int) -> Iterator[None]:
        """MoEngage is called so often."""
        before = len(self.moengage.reported)
        yield
        assert len(self.moengage.reported) - before == number


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with an_aws_account():
        a_messages_table()
        bridge = Bridge()
        with circuits(bridge.clock, lambda: bridge.running):
            yield bridge


def test_ten_failures_in_a_row_of_one_function_stop_all(bridge: Bridge) -> None:
    with bridge.calls(10):
        bridge.open_the_circuit()
    with bridge.calls(0):
        for function in ("one", "another", "a third"):
            assert bridge.forward(function)


def test_a_function_that_knew_the_circuit_as_closed_stops_within_five_seconds(
    bridge: Bridge,
) -> None:
    bridge.forward("another")
    bridge.open_the_circuit()
    with bridge.calls(1):
        bridge.forward("another")
    bridge.clock.sleep(5)
    with bridge.calls(0):
        bridge.forward("another")


@pytest.mark.parametrize("verdict", [ReportVerdict.ACKNOWLEDGED, ReportVerdict.REFUSED])
def test_an_answer_of_any_kind_shows_that_moengage_is_there(
    verdict: ReportVerdict, bridge: Bridge
) -> None:
    for result in (DOWN, ReportResult(verdict=verdict, http_status=404), DOWN):
        bridge.moengage.result = result
        with bridge.calls(9):
            for _ in range(9):
                bridge.forward("one")

    assert not bridge.item()


def test_after_half_a_minute_one_is_let_through_and_its_failure_stops_all_again(
    bridge: Bridge,
) -> None:
    bridge.open_the_circuit()
    bridge.clock.sleep(29)
    with bridge.calls(0):
        bridge.forward("another")
    for _ in range(3):
        bridge.clock.sleep(30)
        with bridge.calls(1):
            for function in ("another", "another", "one", "a third"):
                bridge.forward(function)


def test_one_that_is_acknowledged_lets_all_go_on(bridge: Bridge) -> None:
    bridge.open_the_circuit()
    bridge.clock.sleep(30)
    bridge.moengage.result = BACK
    with bridge.calls(2):
        for _ in range(2):
            assert bridge.forward("another") is None
    # What the others know is five seconds old at most.
    bridge.clock.sleep(5)
    with bridge.calls(2):
        assert (bridge.forward("one"), bridge.forward("a third")) == (None, None)


def test_one_that_never_comes_back_is_followed_by_another(bridge: Bridge) -> None:
    bridge.open_the_circuit()
    bridge.clock.sleep(30)
    with (
        failing(bridge.moengage, "meanwhile", error=KeyboardInterrupt()),
        pytest.raises(KeyboardInterrupt),
    ):
        bridge.forward("one")
    bridge.clock.sleep(29)
    with bridge.calls(0):
        bridge.forward("another")
    bridge.clock.sleep(5)
    with bridge.calls(1):
        bridge.forward("another")


def test_an_open_circuit_costs_no_try_and_the_wait_is_recorded(bridge: Bridge) -> None:
    bridge.open_the_circuit()
    queued, waits = bridge.due(), []
    for receives in range(1, 9):
        record = QueuedOutcome(queued.message_id, queued.lease, receives, "")
        if receives > 1:
            # Another function finds out that MoEngage is still down.
            bridge.forward("another")
        wait = bridge.forward("one", record)
        assert wait
        waits.append(wait)
        message = bridge.message(queued)
        assert message.outcome_lease_until == bridge.clock.now + wait
        # Nor may another record of it be reported before.
        assert bridge.forward("one", QueuedOutcome(queued.message_id, "", 1, "")) == wait
        bridge.clock.sleep(wait)
        assert finding_of(message, bridge.clock.now, TIMEOUTS) is None

    assert message.outcome_tries == 0
    assert waits == [50, 50, 100, 200, 300, 300, 300, 300]
    bridge.moengage.result = BACK
    assert bridge.forward("one", record) is None
    assert bridge.message(queued).outcome_reported_at == bridge.clock.now


def test_while_the_state_cannot_be_read_or_written_outcomes_are_reported(
    bridge: Bridge, every_line: EveryLine
) -> None:
    """DynamoDB may throttle one item and no other."""
    with failing(bridge.client, "get_item", "put_item", error=SpeakingError()), bridge.calls(30):
        for _ in range(30):
            assert bridge.forward("one") == 5

    every_line.hold_no_secret()


def test_each_change_is_a_line_of_the_log(bridge: Bridge, every_line: EveryLine) -> None:
    bridge.open_the_circuit()
    bridge.clock.sleep(30)
    bridge.forward("one")
    bridge.clock.sleep(30)
    bridge.moengage.result = BACK
    bridge.forward("one")

    changes = [line for line in every_line.written.lines if line["message"] == "circuit changed"]
    assert [(line["before"], line["now"]) for line in changes] == [
        ("CLOSED", "OPEN"),
        ("OPEN", "HALF_OPEN"),
        ("HALF_OPEN", "OPEN"),
        ("OPEN", "HALF_OPEN"),
        ("HALF_OPEN", "CLOSED"),
    ]


def test_the_state_is_one_item_that_no_list_shows_and_is_no_message(bridge: Bridge) -> None:
    bridge.open_the_circuit()
    item = bridge.item()

    assert not item.keys() & set(INDEXES.values())
    assert "accepted_at" not in item
    with pytest.raises(UnreadableItemError):
        bridge.messages.get(CIRCUIT)
    assert not is_message_id(CIRCUIT)
    ids = [message.id for message in bridge.messages.open_messages(until=bridge.clock.now + 1)]
    assert len(ids) == 10
    assert CIRCUIT not in ids
