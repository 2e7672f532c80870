"""What every outcome queue and every dead-letter queue promises."""

import pytest

from tests.builders import MESSAGE_ID
from tests.contract.conftest import DeadLetterQueueUnderTest, OutcomeQueueUnderTest

OTHER_ID = "1a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


class TestOutcomeQueues:
    def test_an_outcome_can_be_received_at_once(self, outcomes: OutcomeQueueUnderTest) -> None:
        outcomes.queue.add(MESSAGE_ID)

        assert (outcomes.ready(), outcomes.held_back()) == ([MESSAGE_ID], 0)

    @pytest.mark.parametrize("seconds", [6, 60, 900])
    def test_an_outcome_with_a_delay_is_held_back(
        self, outcomes: OutcomeQueueUnderTest, seconds: int
    ) -> None:
        outcomes.queue.add(MESSAGE_ID, delay_seconds=seconds)

        assert (outcomes.ready(), outcomes.held_back()) == ([], 1)

    def test_an_outcome_that_is_added_twice_is_there_twice(
        self, outcomes: OutcomeQueueUnderTest
    ) -> None:
        for message_id in (MESSAGE_ID, OTHER_ID, MESSAGE_ID):
            outcomes.queue.add(message_id)

        assert sorted(outcomes.ready()) == [MESSAGE_ID, MESSAGE_ID, OTHER_ID]

    def test_an_empty_queue_gives_nothing(self, outcomes: OutcomeQueueUnderTest) -> None:
        assert (outcomes.ready(), outcomes.held_back()) == ([], 0)


class TestDeadLetterQueues:
    def test_a_letter_has_its_reason(self, dead_letters: DeadLetterQueueUnderTest) -> None:
        dead_letters.queue.add(MESSAGE_ID, reason="moengage_404")
        dead_letters.queue.add(OTHER_ID, reason="moengage_413")

        assert sorted(dead_letters.letters()) == [
            (MESSAGE_ID, "moengage_404"),
            (OTHER_ID, "moengage_413"),
        ]

    def test_an_empty_queue_gives_nothing(self, dead_letters: DeadLetterQueueUnderTest) -> None:
        assert dead_letters.letters() == []
