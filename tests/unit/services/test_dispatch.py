"""Working off the send queue."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from sms_bridge.domain.attempt import SendResult
from sms_bridge.domain.message import MessageType, State
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.observability import message_fields
from sms_bridge.services.dispatch import DispatchMessages, seconds_for
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsSendQueue
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    BAD_REQUEST,
    EVER,
    NOT_SENT,
    NUMBER,
    REFUSED,
    REJECTED,
    THROTTLED,
    UMID,
    a_message,
    a_person,
    a_receipt,
    a_request,
)
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.failures import Interruption, KilledError, failing, kill
from tests.fakes.logs import WrittenLog
from tests.fakes.sqs import InMemorySqs
from tests.services import TO_LIVE, InMemory

QUEUE = "queue"
DEAD = "dead"


def an_id(number: int) -> str:
    return f"0a1b2c3d-4e5f-4a6b-8c7d-{number:012d}"


class Bridge(InMemory):
    """A bridge in queued mode; what waits lies in the send queue."""

    def __init__(
        self,
        *,
        ambiguous: str = "hold",
        opt_out_types: str = "",
        rate: int = 0,
        concurrency: int = 1,
        **eightx8: Any,
    ) -> None:
        super().__init__()
        self.sqs = InMemorySqs(self.clock)
        self.send_queue = SqsSendQueue(self.sqs.aws, dict.fromkeys(MessageType, QUEUE))
        self.dead_letters = SqsDeadLetterQueue(self.sqs.aws, DEAD)
        self.eightx8 = FakeEightX8(**eightx8)
        self.slept: list[float] = []
        self.time_left = 60.0
        self.step = self.a_service(
            DispatchMessages,
            ambiguous_send_policy=ambiguous,
            opt_out_message_types=opt_out_types,
            send_rate_limit=rate,
            dispatch_concurrency=concurrency,
            sender=self.eightx8,
            sleep=self._sleep,
        )

    def a_watched_dispatcher(self, watched: Callable[[Any], Any]) -> DispatchMessages:
        """Return a dispatcher with something between it and what it works with."""
        names = ("messages", "send_queue", "outcomes", "opt_outs", "sender")
        return replace(self.step, **{name: watched(getattr(self.step, name)) for name in names})

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.sleep(seconds)

    def add(self, number: int = 1, *, reply_to: str = "", **changes: Any) -> str:
        """Let a message wait, with its record in the queue; returns its id."""
        request = a_request(**{"text": f"Text {number}", **changes})
        message = a_message(
            id=an_id(number),
            state=State.WAITING,
            message_type=request.message_type,
            sub_account_id=request.sub_account_id,
            destination=request.destination,
            campaign_id=request.campaign_id or "",
            recipient_hash=keyed_hash(request.destination, "k"),
            accepted_at=self.clock.now,
            send_before=self.clock.now + TO_LIVE,
            attempt=0,
            attempt_at=0.0,
            reply_to=reply_to,
        )
        self.messages.create(message)
        self.send_queue.add(message, request)
        return message.id

    def receive(self) -> list[dict[str, Any]]:
        return self.sqs.receive(QUEUE)

    def run(
        self, records: list[dict[str, Any]], step: DispatchMessages | None = None
    ) -> dict[str, Any]:
        dispatch = step or self.step
        return self.send_queue.work_through(
            records,
            lambda queued: dispatch(queued, time_left=lambda: self.time_left),
            self.dead_letters,
        )

    def dispatch(self, step: DispatchMessages | None = None) -> list[str]:
        """Work off what can be seen; returns the bodies of the records that stay."""
        records = self.receive()
        response = self.run(records, step)
        self.sqs.settle(QUEUE, records, response)
        return [letter for letter, _ in self.sqs.letters(QUEUE)]

    def states(self, ids: Iterable[str]) -> list[State]:
        return [self.kept(message_id).state for message_id in ids]

    @property
    def posted(self) -> list[str]:
        """Ids of all that was posted, as often as it was."""
        return list(self.eightx8.posted)

    @property
    def hidden_for(self) -> list[float]:
        """For how long each record in the queue cannot be seen."""
        return [round(seconds) for seconds in self.sqs.hidden_for(QUEUE)]


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


class TestBatches:
    def test_what_waits_is_sent_in_one_batch_a_sub_account_and_leaves_the_queue(
        self, bridge: Bridge
    ) -> None:
        ids = [bridge.add(number, sub_account_id=f"account_{number % 2}") for number in range(4)]

        assert bridge.dispatch() == []
        assert bridge.eightx8.batches == [("account_0", ids[::2]), ("account_1", ids[1::2])]
        assert bridge.states(ids) == [State.SENDING] * 4
        assert bridge.kept(ids[0]).attempt == 1

    def test_each_message_has_a_fate_of_its_own(self) -> None:
        scenarios = {
            # The first receipt writes down what the answer told.
            "accepted": (ACCEPTED, State.SENDING, False),
            "rejected": (REJECTED, State.REJECTED, False),
            "refused": (REFUSED, State.FAILED, False),
            "throttled": (THROTTLED, State.WAITING, True),
            "unsent": (NOT_SENT, State.WAITING, True),
            "open": (AMBIGUOUS, State.UNKNOWN, True),
        }
        bridge = Bridge(results_by_text={text: result for text, (result, *_) in scenarios.items()})
        ids = {text: bridge.add(number, text=text) for number, text in enumerate(scenarios)}
        records = bridge.receive()

        response = bridge.run(records)

        names = dict(zip(ids, (record["messageId"] for record in records), strict=True))
        again = {one["itemIdentifier"] for one in response["batchItemFailures"]}
        for text, (_, state, stays) in scenarios.items():
            assert bridge.kept(ids[text]).state is state
            assert (names[text] in again) is stays
        assert sorted(queued for queued, _ in bridge.outcomes.queued) == sorted(
            [ids["rejected"], ids["refused"]]
        )

    def test_an_empty_event_does_nothing(self, bridge: Bridge) -> None:
        assert bridge.run([]) == {"batchItemFailures": []}
        assert bridge.posted == []


class TestLater:
    @pytest.mark.parametrize(
        ("result", "wait"),
        [(THROTTLED, 5), (NOT_SENT, 5), (replace(THROTTLED, retry_after=77.0), 77)],
        ids=str,
    )
    def test_what_8x8_did_not_take_for_now_is_sent_later(
        self, result: SendResult, wait: int
    ) -> None:
        bridge = Bridge(results=[result])
        message_id = bridge.add()

        assert len(bridge.dispatch()) == 1
        assert bridge.hidden_for == [wait]
        bridge.clock.sleep(wait)
        assert bridge.dispatch() == []
        assert bridge.posted == [message_id] * 2
        assert bridge.states([message_id]) == [State.SENDING]
        assert bridge.kept(message_id).reason == ""

    def test_the_waits_grow_with_the_tries(self) -> None:
        bridge = Bridge(result=NOT_SENT)
        bridge.add()
        waits = []
        for _ in range(6):
            bridge.dispatch()
            waits += bridge.hidden_for
            bridge.clock.sleep(waits[-1])

        assert waits == [5, 10, 20, 40, 80, 160]

    def test_an_ambiguous_message_is_never_sent_again_under_hold(self) -> None:
        bridge = Bridge(result=AMBIGUOUS)
        message_id = bridge.add()
        for _ in range(100):
            bridge.dispatch()
            bridge.clock.sleep(120)

        assert bridge.posted == [message_id]
        assert bridge.states([message_id]) == [State.UNKNOWN]
        assert bridge.outcomes.queued == [], "it has no outcome, however often its record comes"
        assert bridge.receive() == [], "once its time is over nobody needs the text any more"

    @pytest.mark.parametrize(
        ("second", "state"), [(ACCEPTED, State.SENDING), (REFUSED, State.UNKNOWN)]
    )
    def test_and_is_sent_again_under_resend_where_a_refusal_proves_nothing(
        self, second: SendResult, state: State
    ) -> None:
        bridge = Bridge(ambiguous="resend", results=[AMBIGUOUS, second])
        message_id = bridge.add()

        bridge.dispatch()
        bridge.clock.sleep(5)
        bridge.dispatch()

        assert bridge.posted == [message_id] * 2
        assert bridge.states([message_id]) == [state]

    def test_what_8x8s_log_proved_absent_is_sent_from_its_record(self) -> None:
        bridge = Bridge(results=[AMBIGUOUS])
        message_id = bridge.add()
        bridge.dispatch()
        bridge.messages.record_result(message_id, 1, NOT_SENT, State.WAITING, bridge.clock.now)
        bridge.clock.sleep(120)

        assert bridge.dispatch() == []
        assert bridge.posted == [message_id] * 2

    @pytest.mark.parametrize("state", [State.QUEUED, State.DELIVERED, State.FAILED, State.REJECTED])
    def test_the_record_of_a_message_that_is_resolved_is_dropped(self, state: State) -> None:
        bridge = Bridge()
        message_id = bridge.add()
        bridge.messages.messages[message_id] = replace(bridge.kept(message_id), state=state)

        assert bridge.dispatch() == []
        assert bridge.posted == []

    def test_only_a_record_that_came_back_queues_an_outcome_again(self) -> None:
        bridge = Bridge(results=[REFUSED])
        message_id = bridge.add()
        bridge.dispatch()
        queued_once = list(bridge.outcomes.queued)

        repeat = bridge.kept(message_id)
        bridge.send_queue.add(repeat, a_request())
        (record,) = bridge.receive()
        bridge.run([record])
        assert bridge.outcomes.queued == queued_once

        record["attributes"]["ApproximateReceiveCount"] = "2"
        bridge.run([record])
        assert bridge.outcomes.queued == [*queued_once, (message_id, 60)]


class TestTimeToLive:
    @pytest.mark.parametrize(("late", "is_sent"), [(-0.001, True), (0, False), (86_400, False)])
    def test_no_message_is_sent_once_its_time_is_over(self, late: float, is_sent: bool) -> None:
        bridge = Bridge()
        message_id = bridge.add()
        bridge.clock.sleep(TO_LIVE + late)

        assert bridge.dispatch() == []
        assert bridge.posted == [message_id] * is_sent
        kept = bridge.kept(message_id)
        assert (kept.state, kept.reason) == (
            (State.SENDING, "") if is_sent else (State.FAILED, "expired")
        )
        assert bridge.outcomes.queued == [(message_id, 0)] * (not is_sent)


class TestOptOuts:
    def test_who_opted_out_meanwhile_gets_only_other_types_and_replies(self) -> None:
        bridge = Bridge(opt_out_types="promotional")
        kept_back = bridge.add(1)
        sent = [
            bridge.add(2, destination=NUMBER + "2"),
            bridge.add(3, message_type=MessageType.TRANSACTIONAL),
            bridge.add(4, reply_to=UMID),
        ]
        bridge.opt_outs.record(a_person(), OptRequest.OPT_OUT, bridge.clock.now)

        assert bridge.dispatch() == []
        assert bridge.posted == sent
        assert bridge.kept(kept_back).reason == "opted_out"
        assert bridge.outcomes.queued == [(kept_back, 6)]

    def test_moengage_hears_nothing_of_a_reply_that_was_not_sent(self, bridge: Bridge) -> None:
        reply = bridge.add(reply_to=UMID)
        bridge.clock.sleep(4000)

        bridge.dispatch()

        assert bridge.kept(reply).reason == "expired"
        assert bridge.outcomes.queued == []


class TestPacing:
    @pytest.mark.parametrize(
        ("rate", "concurrency", "messages", "needed", "time_left", "slept"),
        [
            (0, 2, [10], 0, 60, 0.0),
            (20, 1, [10], 0, 60, 1.0),
            (10, 2, [10], 0, 60, 4.0),
            (1800, 1, [9], 0, 60, 0.01),
            # The time that 8x8 needed counts, and the fullest sub-account decides.
            (2, 1, [4], 1.5, 60, 2.5),
            (2, 1, [2], 5.0, 60, 0.0),
            (2, 1, [1, 4], 0, 60, 4.0),
            # No function waits until it is stopped.
            (1, 500, [1], 0, 20, 19.0),
        ],
    )
    def test_a_function_takes_as_long_as_the_rate_asks(
        self,
        rate: int,
        concurrency: int,
        messages: list[int],
        needed: float,
        time_left: float,
        slept: float,
    ) -> None:
        bridge = Bridge(rate=rate, concurrency=concurrency)
        bridge.time_left = time_left
        bridge.eightx8.meanwhile = lambda _: bridge.clock.sleep(needed / sum(messages))
        for account, some in enumerate(messages):
            for number in range(some):
                bridge.add(10 * account + number, sub_account_id=f"account_{account}")

        bridge.dispatch()

        assert bridge.slept == [pytest.approx(slept)]

    def test_8x8_gets_no_time_that_is_needed_to_write_down_what_it_said(self) -> None:
        bridge = Bridge()
        bridge.time_left = 20.0
        bridge.add()

        bridge.dispatch()

        assert bridge.eightx8.seconds_given == [pytest.approx(5.0)]


def test_ids_that_are_queued_twice_are_sent_once(bridge: Bridge) -> None:
    """A repeat of a waiting message queues it once more; SQS may deliver a record twice."""
    message_id = bridge.add(1)
    bridge.add(1)

    assert len(bridge.dispatch()) == 1
    assert bridge.hidden_for == [120]
    assert bridge.posted == [message_id] == [an_id(1)]
    bridge.clock.sleep(120)
    assert len(bridge.dispatch()) == 1, "nobody has written down yet what became of it"
    bridge.messages.record_receipt(message_id, a_receipt("sent"), outcome=None)
    bridge.clock.sleep(120)
    assert bridge.dispatch() == []
    assert bridge.posted == [message_id]


def test_that_8x8_accepted_a_message_is_not_recorded(bridge: Bridge, logged: WrittenLog) -> None:
    at_once = bridge.add(1)
    scheduled = bridge.add(2, options={"scheduled": "2026-12-24T18:00:00Z"})

    assert bridge.dispatch() == []

    assert bridge.states([at_once, scheduled]) == [State.SENDING, State.QUEUED]
    assert (bridge.kept(at_once).answered_at, bridge.kept(scheduled).umid) == (0.0, UMID)
    sent = [line for line in logged.lines if line["message"] == "message sent"]
    assert {(line["message_id"], line["umid"]) for line in sent} == {
        (at_once, UMID),
        (scheduled, UMID),
    }


def test_a_line_about_a_queued_message_has_the_same_fields_as_any_other(logged: WrittenLog) -> None:
    bridge = Bridge(result=replace(ACCEPTED, umid=""))
    message = bridge.kept(bridge.add(campaign_id='"autumn",\tGrüße 🎉\n'))

    bridge.dispatch()

    line = logged.lines[0]
    assert line["message"] == "message sent"
    assert message_fields(message).items() <= line.items()
    assert "umid" not in line


def test_a_batch_is_measured_in_one_line_and_logged_in_a_line_a_message(logged: WrittenLog) -> None:
    bridge = Bridge()
    ids = []
    for number in range(3):
        ids.append(bridge.add(number))
        bridge.clock.sleep(1.5)

    bridge.dispatch()

    reported = [line for line in logged.lines if line["message"] == "message sent"]
    assert [line["message_id"] for line in reported] == ids
    assert [line["SecondsInSendQueue"] for line in reported] == [4.5, 3.0, 1.5]
    (measured,) = [line for line in logged.lines if "_aws" in line]
    assert (measured["Sent"], measured["SecondsInSendQueue"]) == (3, [4.5, 3.0, 1.5])


class TestABatchThatIsRefusedAsAWhole:
    @pytest.mark.parametrize("status", [400, 422])
    def test_one_message_may_have_spoilt_it_so_each_is_sent_alone(self, status: int) -> None:
        refused = replace(BAD_REQUEST, http_status=status)
        bridge = Bridge(results=[refused], results_by_text={})
        ids = [bridge.add(number) for number in range(3)]
        bridge.eightx8.results += [ACCEPTED, replace(REFUSED, http_status=400), ACCEPTED]

        assert bridge.dispatch() == []
        assert bridge.eightx8.sent_ids == ids
        assert bridge.states(ids) == [State.SENDING, State.FAILED, State.SENDING]

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_but_not_where_all_would_be_refused(self, status: int) -> None:
        bridge = Bridge(result=replace(REFUSED, http_status=status))
        ids = [bridge.add(number) for number in range(3)]

        assert bridge.dispatch() == []
        assert bridge.eightx8.sent == []
        assert bridge.states(ids) == [State.FAILED] * 3

    def test_a_message_that_was_alone_in_it_is_not_sent_twice(self) -> None:
        bridge = Bridge(result=BAD_REQUEST)
        message_id = bridge.add()

        bridge.dispatch()

        assert bridge.posted == [message_id]
        assert bridge.states([message_id]) == [State.FAILED]

    def test_what_there_is_no_time_for_is_sent_later(self) -> None:
        bridge = Bridge(results=[BAD_REQUEST])
        ids = [bridge.add(number) for number in range(3)]

        def takes_long(_: str) -> None:
            bridge.clock.sleep(13 if bridge.eightx8.sent else 0)

        bridge.eightx8.meanwhile = takes_long
        stays = bridge.dispatch()

        assert bridge.states(ids).count(State.WAITING) == len(stays) > 0
        bridge.eightx8.meanwhile = lambda _: None
        bridge.clock.sleep(60)
        assert bridge.dispatch() == []
        assert bridge.states(ids) == [State.SENDING] * 3
        assert sorted(bridge.eightx8.taken) == ids


def test_a_record_without_a_message_is_dead_lettered(bridge: Bridge) -> None:
    bridge.add()
    bridge.messages.messages.clear()

    assert bridge.dispatch() == []
    assert [reason for _, reason in bridge.sqs.letters(DEAD)] == ["message_not_found"]
    assert bridge.posted == []


def test_a_record_without_a_message_that_cannot_be_dead_lettered_stays(bridge: Bridge) -> None:
    bridge.add()
    bridge.messages.messages.clear()

    with failing(bridge.dead_letters, "add"):
        assert len(bridge.dispatch()) == 1
    assert bridge.sqs.letters(DEAD) == []


class TestBeginning:
    def test_what_could_not_be_begun_stays_and_the_others_are_sent(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        ids = [bridge.add(number) for number in range(3)]

        with failing(bridge.messages, "begin_attempt", of=ids[1]):
            assert len(bridge.dispatch()) == 1
        assert bridge.posted == [ids[0], ids[2]]
        (line,) = [line for line in logged.lines if line["message"] == "message not dispatched"]
        assert (line["message_id"], line["error"]) == (ids[1], "ConnectionError")

    def test_a_message_that_was_tried_before_has_the_next_attempt(self) -> None:
        bridge = Bridge(results=[NOT_SENT])
        again = bridge.add(1)
        bridge.dispatch()
        bridge.clock.sleep(5)
        first = bridge.add(2)

        bridge.dispatch()

        assert bridge.posted == [again, again, first]
        assert [bridge.kept(one).attempt for one in (again, first)] == [2, 1]

    def test_what_need_not_heed_is_begun_whoever_cannot_be_looked_up(self) -> None:
        bridge = Bridge(opt_out_types="promotional")
        offer = bridge.add(1)
        order = bridge.add(2, message_type=MessageType.TRANSACTIONAL)

        with failing(bridge.opt_outs, "is_opted_out"):
            assert len(bridge.dispatch()) == 1

        assert bridge.posted == [order]
        assert bridge.states([offer]) == [State.WAITING]


def test_a_batch_that_fails_in_an_unforeseen_way_holds_up_no_other(logged: WrittenLog) -> None:
    """What has left is not known, so nothing is recorded: 8x8's log decides."""
    bridge = Bridge()
    broken = bridge.add(1, sub_account_id="broken")
    sent = bridge.add(2)

    with failing(bridge.eightx8, "send_batch", of="broken", error=KeyError()):
        stay = bridge.dispatch()

    assert [broken in body for body in stay] == [True]
    assert bridge.kept(broken).state is State.SENDING
    assert bridge.eightx8.taken == [sent]
    assert "batch not sent" in logged.text


def test_an_outcome_that_cannot_be_queued_holds_up_no_other_message(logged: WrittenLog) -> None:
    bridge = Bridge(results=[REJECTED])
    with failing(bridge.outcomes, "add"):
        rejected = bridge.add(1)
        assert len(bridge.dispatch()) == 1
        bridge.sqs.repeat(QUEUE)
        sent = bridge.add(2)
        assert bridge.dispatch() == []

    assert bridge.posted == [rejected, sent]
    errors = [line["message"] for line in logged.lines if line["level"] == "ERROR"]
    assert errors == ["result not recorded", "outcome not queued again"]


RESULTS = {
    "accepted": [ACCEPTED],
    "rejected": [REJECTED],
    "ambiguous": [AMBIGUOUS, ACCEPTED],
    "throttled": [THROTTLED, ACCEPTED],
    "unsent, then ambiguous": [NOT_SENT, AMBIGUOUS, ACCEPTED],
    "refused as a whole": [BAD_REQUEST, ACCEPTED],
}

Happening = Callable[[Bridge], None]


def another_dispatcher(bridge: Bridge) -> None:
    """SQS shows the records again, and another dispatcher works through them to the end."""
    bridge.sqs.repeat(QUEUE)
    bridge.dispatch()


def death(_: Bridge) -> None:
    kill()


def another_dispatcher_and_death(bridge: Bridge) -> None:
    another_dispatcher(bridge)
    kill()


def every_moment(results: list[SendResult], happens: Happening) -> Iterator[Bridge]:
    """Return a bridge for every moment at which something can happen to a dispatcher."""
    for moment in count():
        bridge = Bridge(opt_out_types="promotional", results=list(results))
        bridge.add(1)
        bridge.add(2)
        interruption = Interruption(moment, lambda bridge=bridge: happens(bridge))  # type: ignore[misc]
        with suppress(KilledError):
            bridge.dispatch(bridge.a_watched_dispatcher(interruption.watched))
        if not interruption.came:
            assert moment >= 8
            return
        yield bridge


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("happens", [another_dispatcher, death, another_dispatcher_and_death])
def test_8x8_takes_no_message_twice_whatever_happens_when(
    results: list[SendResult], happens: Happening
) -> None:
    for bridge in every_moment(results, happens):
        for _ in range(20):
            bridge.sqs.repeat(QUEUE)
            bridge.dispatch()
            bridge.clock.sleep(60)

        assert set(Counter(bridge.eightx8.taken).values()) <= {1}


@pytest.mark.parametrize("happens", [another_dispatcher, death, another_dispatcher_and_death])
def test_no_message_is_lost_that_way(happens: Happening) -> None:
    """What is not with 8x8 has its record in the queue; `reconcile` finds out which it is."""
    for bridge in every_moment([ACCEPTED], happens):
        for _ in range(5):
            bridge.sqs.repeat(QUEUE)
            bridge.dispatch()

        left = [body for body, _ in bridge.sqs.letters(QUEUE)]
        for message in bridge.messages.open_messages(until=EVER):
            is_taken = message.id in bridge.eightx8.taken
            assert message.state is State.SENDING
            assert is_taken or any(message.id in body for body in left)
            if happens is another_dispatcher:
                assert is_taken


@pytest.mark.parametrize(
    ("messages", "rate", "at_once", "seconds"),
    [
        (100, 100.0, 1, 1.0),
        (100, 100.0, 5, 5.0),
        (50, 1800.0, 4, 1 / 9),
        (0, 10.0, 2, 0.0),
        (10_000, 0, 10, 0.0),
    ],
)
def test_each_function_takes_its_share_of_the_rate(
    messages: int, rate: float, at_once: int, seconds: float
) -> None:
    assert seconds_for(messages, rate=rate, at_once=at_once) == pytest.approx(seconds)
