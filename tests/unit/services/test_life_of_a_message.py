"""Any life that messages may have: the real steps in any order, killed anywhere.

The model beside them is plain: what was asked for when, what 8x8 took, what MoEngage heard.
"""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from sms_bridge.domain.message import OutcomeStatus
from sms_bridge.domain.reporting import ReportVerdict
from sms_bridge.domain.state import FINAL, NOT_WITH_8X8, State
from tests.builders import EVER, plain
from tests.unit.services.life import REPORT_RESULT, SCENARIOS, SENDING, WINDOW, Bridge

scenarios = st.lists(st.sampled_from(["taken", *SCENARIOS]), min_size=1, max_size=3)
deaths = st.none() | st.integers(0, 7)
# Before something happens. MoEngage is told 6 s after a message was asked for at the earliest.
pauses = st.sampled_from([0, 1, 10, 10, 60, 119, 120, 600, 3600])
words = st.sampled_from(["queued", "sent", "undelivered", "rejected", "delivered", "read"])

ORDER = [*({state} for state in (State.QUEUED, State.SENT, State.DEFERRED))]
FORWARD = [
    NOT_WITH_8X8,
    *ORDER,
    FINAL - {State.DELIVERED, State.READ},
    {State.DELIVERED},
    {State.READ},
]

# What MoEngage may only hear of a message that 8x8 does not have.
NEVER_TAKEN = {"expired", "not_in_log", "eightx8_invalid_destination"}


def how_far(state: State) -> int:
    return next(number for number, states in enumerate(FORWARD) if state in states)


class LifeOfMessages(RuleBasedStateMachine):
    """MoEngage asks, 8x8 reports, functions die, and time passes."""

    @initialize(is_queued=st.booleans(), scenarios=scenarios)
    def begin(self, is_queued: bool, scenarios: list[str]) -> None:
        self.bridge = Bridge(is_queued=is_queued)
        self.last_claims: dict[str, tuple[str, float]] = {}
        self.answered: set[str] = set()
        self.reached: dict[str, int] = {}
        self.deaths_while_reporting = 0
        for text in ("one", "two"):
            self.ask(0, text, scenarios, None)
        self.dispatch(0, scenarios, None)

    # ------------------------------------------------------------------------------ what happens
    @rule(pause=pauses, text=st.sampled_from(["one", "two"]), scenarios=scenarios, dies_at=deaths)
    def ask(self, pause: int, text: str, scenarios: list[str], dies_at: int | None) -> None:
        self.bridge.clock.sleep(pause)
        known, now = set(self.bridge.messages.messages), self.bridge.clock.now
        answer = self.bridge.ask(text, scenarios, dies_at)

        message_id, claimed_at = self.last_claims.get(text, ("", 0.0))
        is_repeat = claimed_at + WINDOW > now
        new = [one for one in self.bridge.asked_for() if one.id not in known]
        if answer is not None:
            assert (answer.id == message_id) is is_repeat
            self.answered.add(answer.id)
        assert len(new) == (not is_repeat) or (answer is None and not new)
        if new:
            # As it is written down: to the millisecond.
            self.last_claims[text] = (new[0].id, new[0].accepted_at)

    @rule(pause=pauses, scenarios=scenarios, dies_at=deaths)
    def dispatch(self, pause: int, scenarios: list[str], dies_at: int | None) -> None:
        self.bridge.clock.sleep(pause)
        self.bridge.dispatch(scenarios, dies_at)

    @rule(pause=pauses, verdict=st.sampled_from(ReportVerdict), dies_at=deaths)
    def forward(self, pause: int, verdict: ReportVerdict, dies_at: int | None) -> None:
        self.bridge.clock.sleep(pause)
        self.deaths_while_reporting += not self.bridge.forward(verdict, dies_at)

    @rule(which=st.integers(0, 9), words=st.lists(words, min_size=1, max_size=3), dies_at=deaths)
    def report(self, which: int, words: list[str], dies_at: int | None) -> None:
        taken = sorted(self.bridge.eightx8.words)
        for word in words if taken else ():
            self.bridge.clock.sleep(1)
            self.bridge.receive(taken[which % len(taken)], word, dies_at)
            self.states_only_move_forward()

    @rule(pause=pauses, dies_at=deaths)
    def reconcile(self, pause: int, dies_at: int | None) -> None:
        self.bridge.clock.sleep(pause)
        self.bridge.reconcile(dies_at)

    @rule(queue=st.sampled_from([SENDING, REPORT_RESULT]))
    def deliver_again(self, queue: str) -> None:
        self.bridge.sqs.repeat(queue)

    # ------------------------------------------------------------------------- what always holds
    @invariant()
    def nothing_is_sent_twice(self) -> None:
        assert set(self.bridge.eightx8.taken.values()) <= {1}

    @invariant()
    def states_only_move_forward(self) -> None:
        for message in self.bridge.asked_for():
            now = how_far(message.state)
            assert now >= self.reached.get(message.id, 0)
            self.reached[message.id] = now

    @invariant()
    def each_outcome_is_reported_once(self) -> None:
        """Unless a function dies between a report and its record; then a delivery may follow."""
        times = Counter(message_id for message_id, _ in self.bridge.moengage.heard)
        assert sum(count - 1 for count in times.values()) <= self.deaths_while_reporting
        for message_id in times:
            heard = [outcome for one, outcome in self.bridge.moengage.heard if one == message_id]
            # What was not recorded as reported follows the state.
            for earlier, later in pairwise(heard):
                assert plain(later) == plain(earlier) or later.status is OutcomeStatus.DELIVERED

    @invariant()
    def nothing_is_reported_that_8x8_did_not_say(self) -> None:
        for message_id, outcome in self.bridge.moengage.heard:
            message = self.bridge.messages.get(message_id)
            assert message is not None
            said = {receipt.eightx8_state for receipt in message.receipts}
            if outcome.status is OutcomeStatus.DELIVERED:
                assert said & {"delivered", "read"}
            if outcome.reason in NEVER_TAKEN:
                assert not self.bridge.eightx8.taken[message_id]

    @invariant()
    def what_was_answered_is_known(self) -> None:
        assert self.answered <= set(self.bridge.messages.messages)

    def teardown(self) -> None:
        """Let the clock run with everything well: all that was asked for comes to an end."""
        for _ in range(120):
            self.bridge.dispatch(["taken"])
            self.bridge.forward()
            self.bridge.reconcile()
            self.bridge.clock.sleep(300)
            is_queue_empty = self.bridge.sqs.letters(SENDING) == []
            if is_queue_empty and not list(self.bridge.messages.open_messages(until=EVER)):
                break
        for message in self.bridge.asked_for():
            assert message.outcome is not None
            assert message.outcome_reported_at or message.outcome_given_up
        assert is_queue_empty
        self.nothing_is_sent_twice()
        self.states_only_move_forward()
        self.each_outcome_is_reported_once()
        self.nothing_is_reported_that_8x8_did_not_say()


@pytest.mark.parametrize("number", range(2))
def test_the_promises_hold_in_any_life(number: int) -> None:  # noqa: ARG001
    run_state_machine_as_test(
        LifeOfMessages, settings=settings(max_examples=100, stateful_step_count=25)
    )
