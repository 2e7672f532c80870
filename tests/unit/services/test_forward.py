"""Telling MoEngage the outcome of a message."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sms_bridge.domain.arrivals import QueuedOutcome
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.reporting import WAITS, ReportResult, ReportVerdict
from sms_bridge.services.forward import NO_URL, Forward
from tests.builders import AT, MESSAGE_ID, a_message, a_receipt, plain
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.fakes.messages import InMemoryMessages
from tests.fakes.moengage import FakeMoEngage
from tests.fakes.queues import InMemoryDeadLetters
from tests.services import a_service

DELIVERED = Outcome(OutcomeStatus.DELIVERED)
DOWN = ReportResult(verdict=ReportVerdict.RETRY, http_status=503)
REFUSED = ReportResult(verdict=ReportVerdict.REFUSED, http_status=404)


class Bridge:
    """The step with all that it works with; the outcome of one message is due."""

    def __init__(self, result: ReportResult | None = None, *, is_configured: bool = True) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.moengage = FakeMoEngage(result) if result else FakeMoEngage()
        self.dead_letters = InMemoryDeadLetters()
        self.leases: dict[str, str] = {}
        self.add(MESSAGE_ID)
        self.received: Counter[str] = Counter()
        self.step = a_service(
            Forward,
            messages=self.messages,
            report=self.moengage.report if is_configured else None,
            dead_letters=self.dead_letters,
            clock=self.clock,
        )

    def forward(self, message_id: str) -> int | None:
        """Tell an outcome; each time its one record was received once more."""
        self.received[message_id] += 1
        return self.step(self.record(message_id, self.received[message_id]))

    def record(self, message_id: str, receives: int) -> QueuedOutcome:
        """Return the record that holds the lease since the outcome became due."""
        return QueuedOutcome(
            message_id, self.leases.get(message_id, ""), receives, {"body": "its record"}
        )

    def add(self, message_id: str) -> None:
        """Make the outcome of a message due."""
        self.messages.create(a_message(id=message_id))
        receipt = a_receipt("delivered", received_at=self.clock.now)
        recorded = self.messages.record_receipt(message_id, receipt, DELIVERED)
        self.leases[message_id] = recorded.message.outcome_lease_owner

    def fail_once(self) -> None:
        """Record a report that failed, whose next try is due now."""
        owner = self.message.outcome_lease_owner
        self.messages.record_not_acknowledged(MESSAGE_ID, owner, self.clock.now)
        until = self.clock.now + 100
        assert self.messages.lease_outcome(MESSAGE_ID, owner, self.clock.now, until)

    @property
    def message(self) -> Message:
        message = self.messages.get(MESSAGE_ID)
        assert message is not None
        return message


def test_an_outcome_that_moengage_acknowledges_is_closed() -> None:
    bridge = Bridge()

    assert bridge.forward(MESSAGE_ID) is None
    assert bridge.moengage.reported == [(MESSAGE_ID, DELIVERED)]
    assert bridge.message.outcome_reported_at == bridge.clock.now
    assert bridge.dead_letters.letters == []


def test_an_outcome_is_reported_once_however_often_it_is_queued() -> None:
    bridge = Bridge()

    for _ in range(3):
        assert bridge.forward(MESSAGE_ID) is None

    assert len(bridge.moengage.reported) == 1


@pytest.mark.parametrize(
    ("result", "tries", "wait"),
    [
        (ReportResult(verdict=ReportVerdict.RETRY, http_status=500), 0, 5),
        (ReportResult(verdict=ReportVerdict.RETRY, error="ReadTimeoutError"), 3, 300),
        (ReportResult(verdict=ReportVerdict.RETRY, http_status=429, retry_after=90), 0, 90),
        (ReportResult(verdict=ReportVerdict.RETRY, http_status=429, retry_after=1), 2, 120),
        (ReportResult(verdict=ReportVerdict.RETRY, http_status=429, retry_after=1e6), 0, 3600),
    ],
)
def test_what_moengage_did_not_acknowledge_stays_open_and_is_reported_again(
    result: ReportResult, tries: int, wait: int
) -> None:
    bridge = Bridge(result)
    for _ in range(tries):
        bridge.fail_once()

    assert bridge.forward(MESSAGE_ID) == wait
    assert bridge.message.outcome_is_open
    assert bridge.message.outcome_tries == tries + 1
    assert bridge.message.outcome_next_try_at == bridge.clock.now + wait
    assert bridge.dead_letters.letters == []


def test_a_record_that_sqs_delivers_twice_uses_up_no_try() -> None:
    bridge = Bridge(DOWN)
    wait = bridge.forward(MESSAGE_ID)

    waits = []
    for _ in range(3):
        waits.append(bridge.forward(MESSAGE_ID))
        bridge.clock.sleep(1)

    assert (wait, waits) == (5, [5, 4, 3])
    assert bridge.message.outcome_tries == 1
    assert len(bridge.moengage.reported) == 1


@pytest.mark.parametrize(
    ("received", "seconds_later", "writes"),
    [
        (1, 0, 0),
        (1, 49.9, 0),
        # The outcome was held for the first to tell it; whoever else comes has to wait,
        (0, 0, 1),
        (2, 0, 1),
        (1, 50, 1),
        (2, 99.9, 1),
        # until nobody holds it any more.
        (2, 100, 1),
    ],
)
def test_only_the_first_record_of_an_outcome_needs_no_lease_of_its_own(
    received: int, seconds_later: float, writes: int
) -> None:
    bridge = Bridge()
    bridge.clock.sleep(seconds_later)
    leased: list[float] = []
    lease = bridge.messages.lease_outcome

    def noted(message_id: str, owner: str, at: float, until: float) -> bool:
        leased.append(at)
        return lease(message_id, owner, at, until)

    bridge.messages.lease_outcome = noted  # type: ignore[method-assign]

    record = bridge.record(MESSAGE_ID, received)
    wait = bridge.step(record if received else replace(record, lease="", receives=1))

    assert len(leased) == writes
    assert bool(bridge.moengage.reported) is (wait is None) is (not writes or seconds_later == 100)


def test_of_two_records_of_an_outcome_one_is_reported_also_when_the_first_is_slow() -> None:
    bridge = Bridge()
    waits: list[int | None] = []
    another = bridge.record(MESSAGE_ID, 2)
    bridge.moengage.meanwhile = lambda: waits.append(bridge.step(another))  # type: ignore[method-assign]

    assert bridge.step(bridge.record(MESSAGE_ID, 1)) is None
    assert waits == [100]
    assert len(bridge.moengage.reported) == 1


def test_an_outcome_is_given_up_after_all_its_tries_over_hours() -> None:
    bridge = Bridge(DOWN)
    times = []
    for _ in range(1000):
        tells = len(bridge.moengage.reported)
        wait = bridge.forward(MESSAGE_ID)
        if len(bridge.moengage.reported) > tells:
            times.append(bridge.clock.now)
        if wait is None:
            break
        bridge.clock.sleep(wait)

    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(waits) == len(WAITS)
    assert all(wait >= planned for wait, planned in zip(waits, WAITS, strict=True))
    assert bridge.dead_letters.letters == [("its record", "moengage_503")]
    assert bridge.message.outcome_given_up == "moengage_503"
    assert not bridge.message.outcome_is_open


def test_what_moengage_refuses_goes_to_the_dead_letter_queue_with_the_reason(
    logged: WrittenLog,
) -> None:
    bridge = Bridge(REFUSED)

    assert bridge.forward(MESSAGE_ID) is None
    [line] = logged.lines
    assert [line[name] for name in ("verdict", "http_status", "given_up", "tries")] == [
        *("refused", 404, "moengage_404", 1)
    ]
    assert bridge.dead_letters.letters == [("its record", "moengage_404")]
    assert (bridge.message.outcome_given_up, bridge.message.outcome_given_up_at) == (
        "moengage_404",
        bridge.clock.now,
    )
    assert not bridge.message.outcome_is_open


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": None},
        {"outcome_reported_at": AT},
        {"outcome_given_up": "moengage_404"},
        {"accepted_at": ""},
    ],
    ids=str,
)
def test_where_no_outcome_is_open_nothing_is_reported(changes: dict[str, Any]) -> None:
    bridge = Bridge()
    bridge.messages.messages[MESSAGE_ID] = a_message(**{"outcome": DELIVERED, **changes})

    assert bridge.forward(MESSAGE_ID) is None
    assert bridge.moengage.reported == []


def test_a_message_that_is_no_longer_kept_is_passed_over() -> None:
    bridge = Bridge()
    bridge.messages.messages.clear()

    assert bridge.forward(MESSAGE_ID) is None
    assert bridge.moengage.reported == []


def test_without_a_tracking_url_the_outcome_is_given_up_until_it_is_replayed() -> None:
    """Nobody can tell it, and no queue would keep it until there is a URL."""
    bridge = Bridge(is_configured=False)

    assert bridge.forward(MESSAGE_ID) is None
    assert bridge.message.outcome_given_up == NO_URL
    assert bridge.dead_letters.letters == []
    assert bridge.moengage.reported == []


@pytest.mark.parametrize(
    ("verdict", "method"),
    [
        (ReportVerdict.ACKNOWLEDGED, "record_reported"),
        (ReportVerdict.REFUSED, "record_given_up"),
        (ReportVerdict.RETRY, "record_not_acknowledged"),
    ],
)
def test_what_cannot_be_recorded_goes_up_and_stays_open(
    verdict: ReportVerdict, method: str
) -> None:
    bridge = Bridge(ReportResult(verdict=verdict, http_status=404))

    with failing(bridge.messages, method), pytest.raises(ConnectionError):
        bridge.forward(MESSAGE_ID)

    assert bridge.message.outcome_is_open


def test_what_cannot_go_to_the_dead_letter_queue_stays_open() -> None:
    bridge = Bridge(REFUSED)

    with failing(bridge.dead_letters, "add"), pytest.raises(ConnectionError):
        bridge.forward(MESSAGE_ID)

    assert bridge.message.outcome_is_open


def test_promise_5_the_report_is_read_when_it_is_sent() -> None:
    """A receipt came while the record waited for its lease."""
    bridge = Bridge(DOWN)
    failed = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1")
    bridge.messages.messages[MESSAGE_ID] = replace(bridge.message, outcome=failed)
    bridge.forward(MESSAGE_ID)
    bridge.clock.sleep(5)
    bridge.moengage.result = ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
    lease = bridge.messages.lease_outcome

    def a_receipt_comes(message_id: str, owner: str, at: float, until: float) -> bool:
        bridge.messages.messages[MESSAGE_ID] = replace(bridge.message, outcome=DELIVERED)
        return lease(message_id, owner, at, until)

    bridge.messages.lease_outcome = a_receipt_comes  # type: ignore[method-assign]
    assert bridge.forward(MESSAGE_ID) is None

    assert bridge.moengage.reported == [(MESSAGE_ID, failed), (MESSAGE_ID, DELIVERED)]
    assert plain(bridge.message.outcome) == plain(DELIVERED)


def test_promise_5_what_was_reported_before_the_lease_is_not_reported_again() -> None:
    """A record of the same outcome was slow: its lease was over, and then MoEngage answered it."""
    bridge = Bridge()
    bridge.fail_once()
    bridge.clock.sleep(200)
    lease = bridge.messages.lease_outcome

    def it_is_reported(message_id: str, owner: str, at: float, until: float) -> bool:
        has_lease = lease(message_id, owner, at, until)
        bridge.messages.record_reported(message_id, DELIVERED, at)
        return has_lease

    bridge.messages.lease_outcome = it_is_reported  # type: ignore[method-assign]

    assert bridge.forward(MESSAGE_ID) is None
    assert bridge.moengage.reported == []
