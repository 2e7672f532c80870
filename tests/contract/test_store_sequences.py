"""Any sequence of calls, made to a message store and to its fake: both answer the same."""

import itertools
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from sms_bridge.domain.attempt import AmbiguousSendPolicy, Recorded, SendResult
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from sms_bridge.services.interfaces import MessageStore
from sms_bridge.storage.messages import DynamoDBMessages
from tests.builders import (
    ACCEPTED,
    AMBIGUOUS,
    AT,
    EVER,
    NOT_SENT,
    REFUSED,
    REJECTED,
    THROTTLED,
    a_message,
    a_receipt,
    plain,
)
from tests.contract.stores import seen
from tests.fakes.messages import InMemoryMessages


@dataclass(frozen=True)
class Created:
    """Somebody asks for a message, or ends a chain in its place."""

    by: str
    state: State
    closes_window: bool


@dataclass(frozen=True)
class Begun:
    """Somebody wants to send it, alone or together with others."""

    together: bool


@dataclass(frozen=True)
class Answered:
    """It is known what came of an attempt."""

    attempt: int
    result: SendResult
    policy: AmbiguousSendPolicy


@dataclass(frozen=True)
class Reported:
    """8x8 sends a receipt."""

    eightx8_state: str
    second: int


@dataclass(frozen=True)
class Judged:
    """An outcome is recorded that no receipt brought."""

    outcome: Outcome


@dataclass(frozen=True)
class Moved:
    """One of the calls about telling the outcome."""

    call: str


Step = Created | Begun | Answered | Reported | Judged | Moved

_steps = st.one_of(
    st.builds(
        Created,
        st.sampled_from(["request-1", "request-2"]),
        st.sampled_from([State.SENDING, State.WAITING]),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(Begun, st.booleans()),
    st.builds(
        Answered,
        st.integers(0, 3),
        st.sampled_from([ACCEPTED, AMBIGUOUS, REJECTED, REFUSED, NOT_SENT, THROTTLED]),
        st.sampled_from(AmbiguousSendPolicy),
    ),
    st.builds(
        Reported,
        st.sampled_from(
            ["queued", "sent", "delivered", "undelivered", "rejected", "read", "teleported"]
        ),
        st.integers(1, 2),
    ),
    st.builds(
        Judged,
        st.sampled_from(
            [Outcome(OutcomeStatus.DELIVERED), Outcome(OutcomeStatus.FAILED, "no_receipt", "")]
        ),
    ),
    st.builds(
        Moved,
        st.sampled_from(["reported", "leased", "failed", "given_up", "asked", "close"]),
    ),
)
_DELIVERED = Outcome(OutcomeStatus.DELIVERED)
_numbers = itertools.count()


def act(store: MessageStore, step: Step, message_id: str, at: float) -> object:
    """Do one step; return what it returned."""
    match step:
        case Created():
            return store.create(
                a_message(
                    id=message_id,
                    claimed_by=step.by,
                    state=step.state,
                    attempt=int(step.state is State.SENDING),
                    attempt_at=AT if step.state is State.SENDING else 0.0,
                    closes_window=step.closes_window,
                )
            )
        case Begun(together=True):
            return [*map(seen, store.begin_first_attempts([message_id], at).values())]
        case Begun():
            return seen(store.begin_attempt(message_id, at))
        case Answered():
            state = step.policy.state_after(step.result)
            return store.record_result(message_id, step.attempt, step.result, state, at)
        case Reported():
            receipt = a_receipt(
                step.eightx8_state,
                at=f"2026-11-24T09:30:0{step.second}Z",
                received_at=at,
                client_message_id=message_id,
            )
            return store.record_receipt(message_id, receipt, receipt.outcome)
        case Judged():
            return store.record_outcome(message_id, step.outcome, at)
        case Moved("reported"):
            store.record_reported(message_id, Outcome(OutcomeStatus.DELIVERED), at)
        case Moved("leased"):
            until = at + 59
            return store.lease_outcome(message_id, "reporter", at, until)
        case Moved("failed"):
            message = store.get(message_id)
            owner = message.outcome_lease_owner if message else "nobody"
            store.record_not_acknowledged(message_id, owner or "nobody", at)
        case Moved("given_up"):
            store.record_given_up(message_id, "moengage_500", at)
        case Moved("asked"):
            store.record_log(message_id, at, has_answered=False)
            store.record_log(message_id, at + 1, has_answered=True)
        case Moved():
            store.close(message_id)
    return None


def without_nonces[Answer](answer: Answer) -> Answer:
    """Return the same without the name of a lease that no reporter holds: it is drawn by lot."""
    if isinstance(answer, Message) and answer.outcome_lease_owner not in ("", "reporter"):
        return replace(answer, outcome_lease_owner="its record")
    if isinstance(answer, Recorded):
        return answer._replace(message=without_nonces(answer.message))
    return answer


def open_messages(store: MessageStore, ids: list[str]) -> list[Message]:
    listed = sorted(store.open_messages(until=EVER), key=lambda one: one.id)
    return [without_nonces(message) for message in listed if message.id in ids]


@given(st.lists(st.lists(_steps, max_size=12), min_size=4, max_size=6))
# Of a first attempt that is begun in one call with others, nobody reads that an outcome is due.
@example([[Created("request-1", State.WAITING, False), Judged(_DELIVERED), Begun(True)]])
@settings(
    max_examples=8,
    # With moto behind it, to shrink a sequence takes minutes.
    phases=set(Phase) - {Phase.shrink, Phase.explain},
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_store_and_its_fake_agree_on_any_sequence_of_calls(
    moto_table: DynamoDBMessages, sequences: list[list[Step]]
) -> None:
    """Whatever happens to a message, in whatever order, both stores answer the same."""
    fake = InMemoryMessages()
    ids = []
    for steps in sequences:
        # The sequences share a table, so each has a message of its own.
        message_id = f"0a1b2c3d-4e5f-4a6b-8c7d-{next(_numbers):012d}"
        ids.append(message_id)
        for position, step in enumerate(steps):
            at = AT + 60 * position
            answers = [act(store, step, message_id, at) for store in (moto_table, fake)]
            assert plain(without_nonces(answers[0])) == plain(without_nonces(answers[1]))
            kept = [store.get(message_id) for store in (moto_table, fake)]
            assert plain(without_nonces(kept[0])) == plain(without_nonces(kept[1]))
    listed = [open_messages(store, ids) for store in (moto_table, fake)]
    assert plain(listed[0]) == plain(listed[1])
