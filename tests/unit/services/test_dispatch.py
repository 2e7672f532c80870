"""Working off the send queue."""

from dataclasses import replace

import pytest

from sms_bridge.domain.message import MessageType
from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.send_result import SendResult
from sms_bridge.domain.state import State
from sms_bridge.observability import message_fields
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    NOT_SENT,
    NUMBER,
    REFUSED,
    REJECTED,
    SUB_ACCOUNT,
    THROTTLED,
    UMID,
    a_person,
    a_receipt,
)
from tests.fakes.logs import WrittenLog
from tests.services import TO_LIVE
from tests.unit.services.dispatching import Bridge, an_id


class TestBatches:
    def test_what_waits_is_sent_in_one_batch_and_leaves_the_queue(self) -> None:
        bridge = Bridge()
        ids = [bridge.add(number) for number in range(5)]

        assert bridge.dispatch() == []
        assert bridge.eightx8.batches == [(SUB_ACCOUNT, ids)]
        assert bridge.states(ids) == [State.SENDING] * 5
        assert bridge.kept(ids[0]).attempt == 1

    def test_each_sub_account_has_a_batch_of_its_own(self) -> None:
        bridge = Bridge()
        ids = [bridge.add(number, sub_account_id=f"account_{number % 2}") for number in range(4)]

        bridge.dispatch()

        assert bridge.eightx8.batches == [("account_0", ids[::2]), ("account_1", ids[1::2])]

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

    def test_an_empty_event_does_nothing(self) -> None:
        bridge = Bridge()

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
        assert bridge.receive() == [], "once its time is over nobody needs the text any more"

    def test_and_is_sent_again_under_resend(self) -> None:
        bridge = Bridge(ambiguous="resend", results=[AMBIGUOUS])
        message_id = bridge.add()

        bridge.dispatch()
        bridge.clock.sleep(5)
        bridge.dispatch()

        assert bridge.posted == [message_id] * 2
        assert bridge.states([message_id]) == [State.SENDING]

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

    def test_moengage_hears_nothing_of_a_reply_that_was_not_sent(self) -> None:
        bridge = Bridge()
        reply = bridge.add(reply_to=UMID)
        bridge.clock.sleep(4000)

        bridge.dispatch()

        assert bridge.kept(reply).reason == "expired"
        assert bridge.outcomes.queued == []


class TestPacing:
    @pytest.mark.parametrize(
        ("rate", "at_once", "messages", "slept"),
        [(0, 4, 10, 0.0), (10, 1, 10, 1.0), (10, 4, 10, 4.0), (1800, 2, 9, 0.01)],
    )
    def test_a_function_takes_as_long_as_the_rate_asks(
        self, rate: float, at_once: int, messages: int, slept: float
    ) -> None:
        bridge = Bridge(rate=rate, at_once=at_once)
        for number in range(messages):
            bridge.add(number)

        bridge.dispatch()

        assert bridge.slept == [pytest.approx(slept)]

    def test_the_time_that_8x8_needed_counts(self) -> None:
        bridge: Bridge = Bridge(rate=1, meanwhile=lambda _: bridge.clock.sleep(1.5))
        bridge.add(1)
        bridge.add(2)

        bridge.dispatch()

        assert bridge.slept == [0.0]

    def test_the_fullest_sub_account_decides(self) -> None:
        bridge = Bridge(rate=1)
        for number in range(5):
            bridge.add(number, sub_account_id="account_1" if number else "account_2")

        bridge.dispatch()

        assert bridge.slept == [pytest.approx(4.0)]

    def test_no_function_waits_until_it_is_stopped(self) -> None:
        bridge = Bridge(rate=0.001)
        bridge.add()
        bridge.time_left = 20.0

        bridge.dispatch()

        assert bridge.slept == [pytest.approx(19.0)]

    def test_8x8_gets_no_time_that_is_needed_to_write_down_what_it_said(self) -> None:
        bridge = Bridge()
        bridge.time_left = 20.0
        bridge.add()

        bridge.dispatch()

        assert bridge.eightx8.seconds_given == [pytest.approx(5.0)]


def test_ids_that_are_queued_twice_are_sent_once() -> None:
    """A repeat of a waiting message queues it once more; SQS may deliver a record twice."""
    bridge = Bridge()
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


def test_that_8x8_accepted_a_message_is_not_recorded(
    logged: WrittenLog,
) -> None:
    bridge = Bridge()
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
