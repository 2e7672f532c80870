"""Receipts in any order, as often as they like: the state of a message only moves forward."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.message import OutcomeStatus, State
from tests.builders import MESSAGE_ID, a_receipt_callback
from tests.unit.services.receiving import Bridge

HOW_FAR = {
    State.SENDING: 0,
    State.UNKNOWN: 1,
    State.QUEUED: 2,
    State.SENT: 3,
    State.DEFERRED: 4,
    State.REJECTED: 5,
    State.UNDELIVERED: 5,
    State.DELIVERED: 6,
    State.READ: 7,
}

callbacks = st.lists(
    st.builds(
        lambda word, second, code: a_receipt_callback(
            word, status={"timestamp": f"2026-11-24T09:30:0{second}Z", "errorCode": code}
        ),
        st.sampled_from(
            ["queued", "sent", "delivered", "undelivered", "rejected", "read", "other"]
        ),
        st.integers(0, 3),
        st.sampled_from([None, 1, 4]),
    ),
    max_size=10,
)


@given(callbacks)
def test_states_and_outcomes_only_move_forward_and_each_receipt_is_kept_once(
    bodies: list[dict[str, Any]],
) -> None:
    bridge = Bridge()
    states, statuses = [bridge.state_of()], []
    for body in bodies:
        bridge.receive(body)
        message = bridge.kept(MESSAGE_ID)
        states.append(message.state)
        if message.outcome:
            statuses.append(message.outcome.status)

    assert all(HOW_FAR[before] <= HOW_FAR[after] for before, after in pairwise(states))
    words = [body["payload"]["status"] for body in bodies]
    if {word["state"] for word in words} & {"delivered", "read"}:
        assert states[-1] in (State.DELIVERED, State.READ)
    # A failure may turn into a delivery, and nothing undoes that.
    assert statuses == sorted(statuses, key=[OutcomeStatus.FAILED, OutcomeStatus.DELIVERED].index)
    # The outcome is queued once because it is new; later only in case that the first was lost.
    assert [delay for _, delay in bridge.outcomes.queued[:1]] == [4] * bool(statuses)
    assert {delay for _, delay in bridge.outcomes.queued[1:]} <= {60}
    for body in bodies:
        bridge.receive(body)
    receipts = bridge.kept(MESSAGE_ID).receipts
    kept = [(one.eightx8_state, one.at, one.error_code) for one in receipts]
    assert len(kept) == len(set(kept))
    assert set(kept) == {
        (word["state"], word["timestamp"], str(word["errorCode"] or "")) for word in words
    }


@given(st.data(), callbacks)
def test_the_same_receipts_in_another_order_end_in_the_same_state_but_for_two_failures(
    data: st.DataObject, bodies: list[dict[str, Any]]
) -> None:
    ends = []
    for order in (bodies, data.draw(st.permutations(bodies))):
        bridge = Bridge()
        for body in order:
            bridge.receive(body)
        ends.append(bridge.kept(MESSAGE_ID))

    first, second = ends
    # "rejected" and "undelivered" are both the end: the one that comes first stands.
    assert HOW_FAR[first.state] == HOW_FAR[second.state]
    assert (first.outcome is None) == (second.outcome is None)
    if first.state is State.UNDELIVERED:
        assert first.outcome is not None
        assert first.outcome.status is OutcomeStatus.FAILED
