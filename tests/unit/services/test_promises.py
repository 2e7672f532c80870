"""The promises of the bridge, each tried with one thing that goes wrong.

The chaos suite holds all of them at once, in random lives; these name one each. What concerns one
room is tested there: duplicate keys in ``domain``, tokens in ``api``, proof that nothing left in
``providers``, conditional writes in the contract of the stores.
"""

from collections.abc import Callable

import pytest

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.reconciliation import Finding, Timeouts, finding_of
from sms_bridge.domain.reporting import ReportVerdict
from sms_bridge.domain.state import State
from sms_bridge.services.deadline import AnswerTime
from tests.builders import ACCEPTED, AMBIGUOUS, NOT_SENT, plain
from tests.fakes.failures import failing
from tests.services import TO_LIVE
from tests.unit.services.life import WINDOW, Bridge
from tests.unit.services.sending import Bridge as Sending

DELIVERED = Outcome(OutcomeStatus.DELIVERED)


def asked(bridge: Bridge, *scenarios: str) -> Message:
    """Ask for a message; returns the answer."""
    answer = bridge.ask("Your order has shipped", scenarios or ("taken",), None)
    assert answer is not None
    return answer


def kept(bridge: Bridge, message: Message) -> Message:
    found = bridge.messages.get(message.id)
    assert found is not None
    return found


def go_on(bridge: Bridge, hours: float = 10) -> None:
    """Let time pass, with everything well."""
    for _ in range(int(hours * 12)):
        bridge.dispatch(["taken"])
        bridge.forward()
        bridge.reconcile()
        bridge.clock.sleep(300)


class TestNothingAcceptedIsLost:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_1_a_message_that_no_queue_takes_ends_in_an_outcome(
        self, *, is_queued: bool
    ) -> None:
        bridge = Bridge(is_queued=is_queued)
        with failing(bridge.send_queue, "add"):
            message = asked(bridge, "unreachable")

        go_on(bridge)

        assert [(one, outcome.reason) for one, outcome in bridge.moengage.heard] == [
            (message.id, "expired")
        ]

    def test_promise_1_an_outcome_that_could_not_be_queued_is_found(self) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)
        with failing(bridge.outcomes, "add"), pytest.raises(ConnectionError):
            bridge.receive(message.id, "delivered")

        go_on(bridge)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])

    def test_promise_1_what_moengage_does_not_accept_lies_in_the_dead_letter_queue(self) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "delivered")
        bridge.clock.sleep(10)

        bridge.forward(ReportVerdict.REFUSED)

        ((letter, reason),) = bridge.sqs.letters("dead-letter-queue")
        assert message.id in letter
        assert reason == "moengage_404"
        assert kept(bridge, message).outcome_given_up == "moengage_404"

    @pytest.mark.parametrize("scenario", ["taken", "answer lost"])
    def test_promise_1_the_log_is_asked_first_however_long_it_could_not_be_read(
        self, scenario: str
    ) -> None:
        """8x8 delivered it; receipts, runs and exports were down together for two days."""
        bridge = Bridge(is_queued=False)
        message = asked(bridge, scenario)
        word, accepted_at = bridge.eightx8.words[message.id]
        assert word == "queued"
        bridge.eightx8.words[message.id] = ("delivered", accepted_at)
        bridge.clock.sleep(2 * 86_400)

        go_on(bridge, hours=1)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])


class TestNothingIsSentTwice:
    def test_promise_2_under_hold_an_ambiguous_message_waits_for_the_log_and_is_not_sent_again(
        self,
    ) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge, "answer lost")

        go_on(bridge, hours=0.15)
        assert kept(bridge, message).state is State.UNKNOWN
        go_on(bridge, hours=1)

        assert bridge.eightx8.taken == {message.id: 1}
        assert kept(bridge, message).state is State.QUEUED

    def test_promise_2_what_the_log_proves_absent_is_sent_once_more(self) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge, "request lost")
        assert bridge.eightx8.taken == {}

        go_on(bridge, hours=0.9)

        assert bridge.eightx8.taken == {message.id: 1}

    def test_promise_2_after_a_connect_error_it_is_sent_again_and_after_a_timeout_it_is_not(
        self,
    ) -> None:
        bridge = Sending(results=[NOT_SENT, AMBIGUOUS, ACCEPTED])

        bridge.send()

        assert len(bridge.eightx8.sent) == 2


class TestARepeatGetsTheSameAnswer:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_3_a_repeat_within_the_window_has_the_id_of_the_first(
        self, *, is_queued: bool
    ) -> None:
        bridge = Bridge(is_queued=is_queued)
        first = asked(bridge)
        bridge.clock.sleep(WINDOW - 1)

        assert asked(bridge).id == first.id

    def test_promise_3_a_repeat_while_the_table_hangs_promises_the_answer_of_the_first(
        self,
    ) -> None:
        bridge = Sending()
        bridge.eightx8.meanwhile = lambda _: bridge.clock.sleep(1)
        first = bridge.send()
        bridge.messages.messages[first.id] = first = bridge.kept(first)
        answer_time = PromisedAnswers(bridge.clock)

        bridge.send(answer_time)

        assert [answer.id for answer in answer_time.promised] == [first.id]


class PromisedAnswers(AnswerTime[Message]):
    """Notes what is promised."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(3.6, clock)
        self.promised: list[Message] = []

    def promise(self, answer: Message) -> None:
        super().promise(answer)
        self.promised.append(answer)


class TestStateOnlyMovesForward:
    @pytest.mark.parametrize("late", ["queued", "sent", "rejected", "undelivered"])
    def test_promise_4_a_late_receipt_does_not_undo_a_delivery(self, late: str) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "delivered")
        bridge.clock.sleep(1)

        bridge.receive(message.id, late)

        assert kept(bridge, message).state is State.DELIVERED
        assert len(kept(bridge, message).receipts) == 2


class TestMoEngageHearsOneFinalOutcome:
    def test_promise_5_an_outcome_that_was_not_reported_follows_the_state(self) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "undelivered")
        bridge.clock.sleep(10)
        bridge.forward(ReportVerdict.RETRY)
        bridge.receive(message.id, "delivered")

        go_on(bridge, hours=0.5)

        assert plain(bridge.moengage.heard) == plain([(message.id, DELIVERED)])

    def test_promise_5_an_outcome_that_was_reported_stays(self) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)
        bridge.receive(message.id, "undelivered")
        bridge.clock.sleep(10)
        bridge.forward()
        bridge.receive(message.id, "delivered")

        go_on(bridge, hours=0.5)

        ((_, outcome),) = bridge.moengage.heard
        assert outcome.status is OutcomeStatus.FAILED
        assert plain(kept(bridge, message).outcome) == plain(outcome)
        assert kept(bridge, message).state is State.DELIVERED

    @pytest.mark.parametrize("word", ["queued", "sent"])
    def test_promise_5_an_intermediate_receipt_is_not_reported(self, word: str) -> None:
        bridge = Bridge(is_queued=False)
        message = asked(bridge)

        bridge.receive(message.id, word)

        assert bridge.sqs.letters("outcome-queue") == []


class TestTheAnswerComesInTimeAndIsTrue:
    @pytest.mark.parametrize("is_queued", [True, False])
    def test_promise_8_once_it_may_be_sent_nothing_that_fails_refuses_it(
        self, *, is_queued: bool
    ) -> None:
        bridge = Bridge(is_queued=is_queued)

        with (
            failing(bridge.send_queue, "add"),
            failing(bridge.outcomes, "add"),
            failing(bridge.messages, "record_result"),
        ):
            assert asked(bridge, "refused").id

    def test_promise_8_a_refused_claim_sends_nothing(self) -> None:
        bridge = Bridge(is_queued=False)

        with failing(bridge.messages, "create"), pytest.raises(ConnectionError):
            asked(bridge)

        assert bridge.eightx8.taken == {}
        assert bridge.sqs.letters("send-queue") == []


class TestScheduledMessages:
    IN_SIX_DAYS = 6 * 86_400

    def test_promise_1_a_scheduled_message_is_not_given_up_before_8x8_sends_it(self) -> None:
        bridge = Sending()
        at = bridge.clock.now + self.IN_SIX_DAYS

        message = bridge.kept(bridge.send(options={"scheduled": timestamp(at)}))

        assert message.scheduled_at == at
        assert message.send_before == at + TO_LIVE
        timeouts = Timeouts(unknown=600, receipt=172_800, unresolved=7200)
        assert finding_of(message, at + 172_800, timeouts) is None
        assert finding_of(message, at + 172_801, timeouts) is Finding.ASK

    def test_a_schedule_that_has_passed_counts_as_none(self) -> None:
        bridge = Sending()

        message = bridge.send(options={"scheduled": timestamp(bridge.clock.now - 1)})

        assert message.scheduled_at == 0.0
        assert message.send_before == bridge.clock.now + TO_LIVE
