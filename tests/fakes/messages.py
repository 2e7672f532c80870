"""Messages in memory."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.domain.outcome import SECONDS_HELD_FOR_THE_FIRST
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import FINAL, MAY_REPLACE, State
from sms_bridge.services.interfaces import Attempt, Effect, Position, Recorded

Shard = Literal["open", "given up"]

_GIVEN = {one.name for one in fields(Message)} - {"id", "state", "outcome", "receipts"}


@dataclass
class InMemoryMessages:
    """A MessageStore in memory.

    Attributes
    ----------
    stateless
        Ids of which something is known, but neither the message nor its state.
    shards
        The list that a message is on: those that are open, or those that were given up.
    """

    messages: dict[str, Message] = field(default_factory=dict)
    stateless: set[str] = field(default_factory=set)
    shards: dict[str, Shard] = field(default_factory=dict)
    inbound: dict[str, InboundMessage] = field(default_factory=dict)
    events: dict[str, UnknownEvent] = field(default_factory=dict)
    events_received_at: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self, message: Message) -> Message | None:
        with self.lock:
            early = self.messages.get(message.id, message)
            if early.accepted_at and early is not message:
                return early
            given = {name: getattr(message, name) for name in _GIVEN if getattr(message, name)}
            if message.id in self.stateless:
                given["state"] = message.state
            self.stateless.discard(message.id)
            self.messages[message.id] = replace(early, **given)
            if not message.ends_a_chain:
                self.shards[message.id] = "open"
            return None

    def get(self, message_id: str) -> Message | None:
        return self.messages.get(message_id)

    def begin_attempt(self, message_id: str, at: str) -> Attempt:
        with self.lock:
            message = self.messages.get(message_id)
            may_begin = message and message.state in MAY_REPLACE[State.SENDING]
            if message is None or not may_begin or message_id in self.stateless:
                return Attempt.of(message, begun=False)
            begun = replace(
                message,
                state=State.SENDING,
                attempt=message.attempt + 1,
                attempt_at=at,
                # What came of the last one.
                answered_at="",
                reason="",
                description="",
                eightx8_code="",
                eightx8_error_id="",
            )
            self.messages[message_id] = begun
            return Attempt.of(begun, begun=True)

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: str
    ) -> dict[str, Attempt | Exception]:
        return {one: self._tried(one, at) for one in dict.fromkeys(message_ids)}

    def _tried(self, message_id: str, at: str) -> Attempt | Exception:
        try:
            return self.begin_attempt(message_id, at)
        except Exception as error:
            return error

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: str
    ) -> Recorded:
        failure = {
            "reason": result.reason,
            "description": result.description,
            "eightx8_code": result.eightx8_code,
            "eightx8_error_id": result.eightx8_error_id,
        }
        with self.lock:
            before = self._seen(message_id)
            facts = {
                "answered_at": at,
                "ambiguous_since": at if result.verdict is Verdict.AMBIGUOUS else "",
                "umid": before.umid or result.umid,
                "encoding": result.encoding,
                **failure,
            }
            given: dict[str, Any] = {name: value for name, value in facts.items() if value}
            return self._advance(
                before,
                # What an earlier attempt failed of is over.
                replace(before, **{**failure, **given}),
                state,
                result.outcome if state in FINAL else None,
                at,
                is_known=all(getattr(before, name) for name in given),
                is_the_holder=bool(result.umid) or attempt == before.attempt,
            )

    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        with self.lock:
            before = self._seen(message_id)
            is_known = any(known.key == receipt.key for known in before.receipts)
            receipts = before.receipts if is_known else (*before.receipts, receipt)
            after = replace(
                before,
                receipts=tuple(sorted(receipts, key=lambda one: (one.received_at, one.at))),
                umid=before.umid or receipt.umid,
                sub_account_id=before.sub_account_id or receipt.sub_account_id,
            )
            return self._advance(
                before, after, receipt.state, outcome, receipt.received_at, is_known=is_known
            )

    def record_outcome(self, message_id: str, outcome: Outcome, at: str) -> Recorded:
        with self.lock:
            message = self._seen(message_id)
            is_new = message.outcome is None
            message = self._change(message_id, **_due(message, outcome, at))
            effect = Effect.MOVED if is_new else Effect.LATE
            return Recorded(message, effect, outcome_is_new=is_new)

    def hold_outcome(self, message_id: str, at: str, until: str) -> bool:
        with self.lock:
            if self._seen(message_id).outcome_next_try_at > at:
                return False
            self._change(message_id, outcome_next_try_at=until)
            return True

    def record_reported(self, message_id: str, at: str) -> None:
        with self.lock:
            message = self._seen(message_id)
            self._change(message_id, outcome_reported_at=message.outcome_reported_at or at)
            self.close(message_id)

    def record_not_taken(self, message_id: str, next_try_at: str) -> None:
        with self.lock:
            tries = self._seen(message_id).outcome_tries + 1
            self._change(message_id, outcome_tries=tries, outcome_next_try_at=next_try_at)

    def record_given_up(self, message_id: str, reason: str, at: str) -> None:
        with self.lock:
            self._change(message_id, outcome_given_up=reason, outcome_given_up_at=at)
            self.shards[message_id] = "given up"

    def record_replayed(self, message_id: str) -> None:
        with self.lock:
            self._change(
                message_id,
                outcome_given_up="",
                outcome_given_up_at="",
                outcome_tries=0,
                outcome_next_try_at="",
            )
            self.shards[message_id] = "open"

    def close(self, message_id: str) -> None:
        with self.lock:
            self._change(message_id)
            self.shards.pop(message_id, None)

    def open_messages(self, *, until: str) -> Iterator[Message]:
        return self._on_shard("open", "0", until)

    def messages_to(
        self, recipient_hash: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        return self._newest_first(lambda message: message.recipient_hash == recipient_hash, before)

    def messages_of_campaign(
        self, campaign_id: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        return self._newest_first(lambda message: message.campaign_id == campaign_id, before)

    def _newest_first(
        self, is_wanted: Callable[[Message], bool], before: Position | None
    ) -> Iterator[Message]:
        wanted = (
            message
            for message in self.messages.values()
            if message.accepted_at and not message.ends_a_chain and is_wanted(message)
        )
        for message in sorted(wanted, key=Position.of, reverse=True):
            if before is None or Position.of(message) < before:
                yield message

    def given_up_messages(self, *, since: str, until: str) -> Iterator[Message]:
        return self._on_shard("given up", since, until)

    def _on_shard(self, shard: Shard, since: str, until: str) -> Iterator[Message]:
        for message_id in sorted(self.shards):
            message = self.messages[message_id]
            is_there = self.shards.get(message_id) == shard
            if is_there and message.accepted_at and since <= message.accepted_at <= until:
                yield message

    def keep_inbound(self, inbound: InboundMessage) -> str:
        self.inbound[inbound.umid] = inbound
        return f"inbound {inbound.umid}"

    def get_inbound(self, inbound_id: str) -> InboundMessage | None:
        return self.inbound.get(inbound_id.removeprefix("inbound "))

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:
        self.events[event.key] = event
        self.events_received_at[event.key] = received_at

    def _seen(self, message_id: str) -> Message:
        return self.messages.get(message_id) or Message(id=message_id, state=State.SENDING)

    def _change(self, message_id: str, **changes: Any) -> Message:
        if message_id not in self.messages:
            self.stateless.add(message_id)
        self.messages[message_id] = replace(self._seen(message_id), **changes)
        return self.messages[message_id]

    def _advance(
        self,
        before: Message,
        after: Message,
        state: State | None,
        outcome: Outcome | None,
        at: str,
        *,
        is_known: bool,
        is_the_holder: bool = True,
    ) -> Recorded:
        is_first = before.id not in self.messages or before.id in self.stateless
        may_move = state is not None and (is_first or before.state in MAY_REPLACE[state])
        if state is None or not may_move or not is_the_holder:
            # Late facts fill gaps and overwrite nothing.
            known = {name: getattr(before, name) for name in _GIVEN if getattr(before, name)}
            if is_first:
                self.stateless.add(before.id)
            self.messages[before.id] = after = replace(after, **known)
            is_repeat = is_known and state is not None
            effect = Effect.REPEATED if is_repeat else Effect.LATE
            return Recorded(after, effect, outcome_is_new=False)
        is_new = outcome is not None and before.outcome is None
        if outcome is not None:
            after = replace(after, **_due(after, outcome, at))
        self.stateless.discard(before.id)
        self.messages[before.id] = after = replace(after, state=state)
        return Recorded(after, Effect.MOVED, outcome_is_new=is_new)


def _due(message: Message, outcome: Outcome, at: str) -> dict[str, Any]:
    """Return what makes an outcome due; the first one stands."""
    if message.outcome:
        return {}
    held_until = timestamp(seconds_of(at) + SECONDS_HELD_FOR_THE_FIRST)
    return {
        "outcome": outcome,
        "outcome_due_at": at,
        "outcome_next_try_at": message.outcome_next_try_at or held_until,
    }
