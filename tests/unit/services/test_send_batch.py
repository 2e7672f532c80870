"""Taking a batch: each message like a single one, whatever becomes of the others."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.attempt import EXPIRED
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State, is_message_id
from sms_bridge.services.deadline import AnswerTime, OutOfTimeError
from sms_bridge.services.send import SendMessage
from sms_bridge.services.send_batch import SendBatch, Taken
from tests.builders import NUMBER, TEXT, a_request, plain
from tests.fakes.logs import WrittenLog
from tests.fakes.messages import InMemoryMessages
from tests.fakes.queues import InMemorySendQueue
from tests.services import TO_LIVE, InMemory
from tests.unit.services.sending import Bridge as SingleBridge


class Messages(InMemoryMessages):
    """Messages of which some cannot be created.

    Attributes
    ----------
    before
        Is called before each call, with the messages that are to be created.
    """

    before: Callable[[Sequence[Message]], None] = staticmethod(lambda _: None)
    fails: Callable[[Message], bool] = staticmethod(lambda _: False)

    def create_all(self, messages: Sequence[Message]) -> list[Message | Exception | None]:
        self.before(messages)
        return super().create_all(messages)

    def create(self, message: Message) -> Message | None:
        if self.fails(message):
            raise TimeoutError
        return super().create(message)


class Bridge(InMemory):
    """A bridge that has taken nothing yet."""

    messages: Messages

    def __init__(self, **chosen: Any) -> None:
        super().__init__()
        self.messages = Messages()
        self.send_queue = InMemorySendQueue()
        self.time_left = AnswerTime[Taken](3.6, self.clock)
        self.step = SendBatch(self.a_service(SendMessage, **chosen))

    def send(self, *requests: MessageRequest) -> Taken:
        return self.step(requests, hash_key="k", answer_time=AnswerTime(3.6, self.clock))

    def answered(self, *requests: MessageRequest) -> Taken:
        """Return the answer that is given when the time may be over first."""
        answer_time = self.time_left

        def work() -> Taken:
            return self.step(requests, hash_key="k", answer_time=answer_time)

        return answer_time.run(work)

    @property
    def queued(self) -> list[tuple[str, int]]:
        """Ids and delays of what is in the send queue."""
        return sorted((message.id, delay) for message, _, delay in self.send_queue.queued)


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def texts(*several: object) -> list[MessageRequest]:
    return [a_request(text=f"Text {one}") for one in several]


def ids_of(taken: Taken) -> list[str]:
    return [message.id if message else "" for message in taken]


class TestTheFirstTime:
    def test_each_message_waits_and_is_queued_once_under_its_id(self, bridge: Bridge) -> None:
        requests = texts(*range(50))

        taken = bridge.send(*requests)

        assert len(set(ids_of(taken))) == 50
        assert all(map(is_message_id, ids_of(taken)))
        assert plain([bridge.messages.get(one) for one in ids_of(taken)]) == plain(taken)
        assert {message.state for message in taken if message} == {State.WAITING}
        assert bridge.queued == sorted((one, 0) for one in ids_of(taken))
        by_id = {message.id: request for message, request, _ in bridge.send_queue.queued}
        assert [by_id[one] for one in ids_of(taken)] == requests

    def test_it_is_the_message_that_queued_mode_would_make_of_it(self) -> None:
        changes: dict[str, Any] = {
            "text": "ж" * 71,
            "source": "Acme",
            "client_message_id": "theirs",
            "campaign_id": "c-1",
            "dlt_template_id": "d-1",
            "message_type": MessageType.TRANSACTIONAL,
            "options": {"country": "SG", "scheduled": "2036-11-24T09:30:00+08:00"},
            "destination": "91234567",
        }
        single, bridge = SingleBridge(dispatch_mode="queued"), Bridge()
        bridge.clock.now = single.clock.now

        alone = single.send(**changes)
        [message] = bridge.send(a_request(**changes))

        assert message is not None
        assert plain(replace(message, claimed_by="")) == plain(replace(alone, claimed_by=""))
        assert message.send_before == message.scheduled_at + TO_LIVE

    def test_without_a_duplicate_window_each_message_is_one_of_its_own(self) -> None:
        bridge = Bridge(duplicate_window_seconds=0)

        taken = bridge.send(*texts("a", "a"))

        assert len(set(ids_of(taken))) == len(bridge.queued) == 2

    def test_a_batch_of_nothing_is_no_event(self, bridge: Bridge, logged: WrittenLog) -> None:
        assert bridge.send() == []
        assert (bridge.queued, logged.lines) == ([], [])

    def test_it_is_one_line_with_counts_and_without_number_and_text(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        bridge.send(*texts("a", "b", "a"), a_request(text="ж" * 71))

        [line] = logged.lines
        assert (line["message"], line["messages"]) == ("batch queued", 4)
        assert (line["Accepted"], line["DuplicatesCaught"]) == (3, 1)
        assert line["EstimatedSegments"] == 4
        assert "not_taken" not in line
        assert not any(part in logged.text for part in (NUMBER.removeprefix("+"), "Text", "жж"))


class TestRepeats:
    def test_the_same_batch_gets_the_same_ids_and_is_queued_behind_the_first(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        requests = texts(*range(25))
        first = bridge.send(*requests)
        bridge.send_queue.queued.clear()

        second = bridge.send(*requests)

        assert plain(second) == plain(first)
        # In case the first record got lost; whoever begins an attempt first sends it.
        assert bridge.queued == sorted((one, 30) for one in ids_of(first))
        counted = [(line["Accepted"], line.get("DuplicatesCaught")) for line in logged.lines]
        assert counted == [(25, None), (0, 25)]

    def test_what_is_no_longer_waiting_is_not_queued_again(self, bridge: Bridge) -> None:
        requests = texts("sent", "failed")
        sent, failed = ids_of(bridge.send(*requests))
        bridge.messages.begin_attempt(sent, bridge.clock.now)
        bridge.messages.record_result(failed, 0, EXPIRED, State.FAILED, bridge.clock.now)
        bridge.send_queue.queued.clear()

        taken = bridge.send(*requests)

        assert [message.state for message in taken if message] == [State.SENDING, State.FAILED]
        assert bridge.queued == []

    def test_a_message_that_came_alone_is_repeated_by_a_batch_and_the_other_way_round(
        self,
    ) -> None:
        single, bridge = SingleBridge(), Bridge()
        single.messages = bridge.messages
        single.step.messages = bridge.messages
        bridge.clock.now = single.clock.now

        alone = single.send(text="Text a")
        [in_batch, other] = bridge.send(*texts("a", "b"))
        again = single.send(text="Text b")

        assert in_batch is not None
        assert other is not None
        assert (in_batch.id, again.id) == (alone.id, other.id)
        assert len(single.eightx8.sent) == 1
        # The second is in the queue already; that it was asked for alone sends it no sooner.
        assert single.queued == [(other.id, 30)]

    def test_the_answer_names_the_recipient_also_when_it_was_forgotten_meanwhile(self) -> None:
        bridge = Bridge()
        [first] = bridge.send(*texts("a"))
        assert first is not None
        forgotten = replace(first, destination="", recipient_hash="")
        bridge.messages.messages[first.id] = forgotten

        [again] = bridge.send(*texts("a"))

        assert plain(again) == plain(first)

    @given(
        asked=st.lists(st.lists(st.integers(0, 30), max_size=45), max_size=4),
        broken=st.sets(st.integers(0, 30)),
    )
    def test_any_mix_gives_each_message_one_id_and_one_place_in_the_queue(
        self, asked: list[list[int]], broken: set[int]
    ) -> None:
        """Batches with repeats, in which the queue does not take some the first time."""
        bridge = Bridge()
        refused: set[str] = set()
        known: dict[int, str] = {}

        def refuse(message_id: str) -> bool:
            is_refused = message_id in unlucky - refused
            refused.update({message_id} & unlucky)
            return is_refused

        bridge.send_queue.refuses = refuse
        # The ids follow from the requests, so that another bridge foretells them.
        unlucky = set(ids_of(Bridge().send(*texts(*broken))))
        for numbers in asked:
            taken = bridge.send(*texts(*numbers))
            for number, message in zip(numbers, taken, strict=True):
                if message:
                    assert known.setdefault(number, message.id) == message.id
                else:
                    assert number in broken - known.keys()
        assert len(set(known.values())) == len(known)
        at_once = [one for one, delay in bridge.queued if delay == 0]
        assert len(set(at_once)) == len(at_once)
        assert {one for one, _ in bridge.queued} == set(known.values())
        for numbers in asked:
            # By now each was taken, so the same batch gets the same ids.
            again = bridge.send(*texts(*numbers))
            assert ids_of(again) == ids_of(bridge.send(*texts(*numbers)))
            assert "" not in ids_of(again)


class TestFailures:
    def test_what_cannot_be_claimed_is_not_taken_and_all_else_is(self, logged: WrittenLog) -> None:
        bridge = Bridge()
        bridge.messages.fails = lambda message: message.client_message_id == "bad"
        requests = [a_request(client_message_id=one) for one in ("good", "bad", "better")]

        good, bad, better = bridge.send(*requests)

        assert bad is None
        assert good is not None
        assert better is not None
        assert bridge.queued == sorted([(good.id, 0), (better.id, 0)])
        *failed, line = logged.lines
        assert [(one["message"], one["messages"]) for one in failed] == [
            ("messages not claimed", 1)
        ] * 2
        assert (line["Accepted"], line["not_taken"]) == (2, 1)
        assert TEXT not in logged.text

    @pytest.mark.parametrize("window", [0, 120])
    @pytest.mark.parametrize("is_written", [False, True])
    def test_a_claim_that_is_throttled_or_whose_answer_is_lost_is_made_again(
        self, window: int, is_written: bool, logged: WrittenLog
    ) -> None:
        bridge = Bridge(duplicate_window_seconds=window)
        fails_at = iter([False, True])

        def fails(message: Message) -> bool:
            is_now = next(fails_at, False)
            if is_now and is_written:
                InMemoryMessages.create(bridge.messages, message)
            return is_now

        bridge.messages.fails = fails

        taken = bridge.send(*texts("a", "b", "c"))

        assert bridge.queued == sorted((one, 0) for one in ids_of(taken))
        assert bridge.messages.messages.keys() == {*ids_of(taken)}
        assert logged.lines[-1]["Accepted"] == 3

    def test_one_that_is_repeated_may_be_queued_already_so_it_stays_taken(self) -> None:
        bridge = Bridge()
        first = bridge.send(*texts("a"))
        bridge.send_queue.refuses = lambda _: True

        assert plain(bridge.send(*texts("a"))) == plain(first)

    def test_without_time_nothing_is_begun(self, bridge: Bridge) -> None:
        bridge.time_left = AnswerTime(0.3, bridge.clock)

        assert bridge.step(texts("a"), hash_key="k", answer_time=bridge.time_left) == [None]
        assert (bridge.messages.messages, bridge.queued) == ({}, [])

    def test_when_the_time_is_over_what_was_promised_is_answered_and_no_more_is_queued(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        """The claim of a batch's last part comes back when the answer has been given."""
        requests = texts(*range(21))
        first_part_is_queued = Event()
        answer_time = AnswerTime[Taken](3.6, bridge.clock)
        given: list[Taken] = []

        def before(messages: Sequence[Message]) -> None:
            if len(messages) == 1:
                first_part_is_queued.wait()
                answer_time._is_over = True
                given.append(answer_time._promised or [])

        def add_all(some: Any) -> set[str]:
            bridge.send_queue.queued += some
            first_part_is_queued.set()
            return set()

        bridge.messages.before = before
        bridge.send_queue.add_all = add_all  # type: ignore[method-assign]

        with pytest.raises(OutOfTimeError):
            bridge.step(requests, hash_key="k", answer_time=answer_time)

        [promised] = given
        assert promised[20] is None
        assert bridge.queued == sorted((one, 0) for one in ids_of(promised)[:20])
        [line] = logged.lines
        assert (line["Accepted"], line["not_taken"]) == (20, 1)

    @pytest.mark.parametrize("is_late", [False, True])
    def test_what_the_queue_does_not_take_is_answered_so_if_there_is_time(
        self, bridge: Bridge, is_late: bool
    ) -> None:
        answer_time = bridge.time_left

        def refuses(_: str) -> bool:
            answer_time._is_over = is_late
            return True

        bridge.send_queue.refuses = refuses

        with suppress(OutOfTimeError):
            bridge.step(texts("a"), hash_key="k", answer_time=answer_time)

        [promised] = answer_time._promised or []
        assert bool(promised) is is_late

    def test_a_queue_that_breaks_down_after_the_claims_makes_no_answer_untrue(self) -> None:
        bridge = Bridge()

        def breaks(some: object) -> set[str]:  # noqa: ARG001
            raise ConnectionError

        bridge.send_queue.add_all = breaks  # type: ignore[method-assign]

        taken = bridge.answered(*texts("a"))

        # It may be in the queue all the same.
        [message] = taken
        assert message is not None
        assert plain(bridge.messages.get(message.id)) == plain(message)
