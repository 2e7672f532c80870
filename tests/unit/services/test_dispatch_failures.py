"""Working off the send queue while something fails: one message, a batch, a record."""

from dataclasses import replace

import pytest

from sms_bridge.domain.message import MessageType
from sms_bridge.domain.state import State
from tests.builders import (
    ACCEPTED,
    BAD_REQUEST,
    NOT_SENT,
    REFUSED,
)
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.unit.services.dispatching import DEAD, QUEUE, Bridge


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


class TestPoison:
    def test_a_record_without_a_message_goes_there_too(self) -> None:
        bridge = Bridge()
        bridge.add()
        bridge.messages.messages.clear()

        assert bridge.dispatch() == []
        assert [reason for _, reason in bridge.sqs.letters(DEAD)] == ["message_not_found"]
        assert bridge.posted == []

    def test_one_that_always_fails_goes_there_in_the_end(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        bridge.add()
        for _ in range(60):
            with failing(bridge.messages, "begin_attempt"):
                bridge.dispatch()
            bridge.sqs.repeat(QUEUE)

        assert [reason for _, reason in bridge.sqs.letters(DEAD)] == ["failed_ConnectionError"]
        assert sum("not dispatched" in line["message"] for line in logged.lines) == 50


class TestBeginning:
    def test_what_could_not_be_begun_stays_and_the_others_are_sent(
        self, logged: WrittenLog
    ) -> None:
        bridge = Bridge()
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
