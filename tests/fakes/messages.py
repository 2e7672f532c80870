"""Messages in memory."""

import threading
from dataclasses import dataclass, field, fields, replace

from sms_bridge.rules.duplicates import ClaimKey
from sms_bridge.rules.life_cycle import MAY_REPLACE, State
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.rules.send_results import SendResult
from sms_bridge.storage.messages import Claim, Effect, Recorded

_GIVEN = {one.name for one in fields(Message)} - {"id", "state", "outcome", "receipts"}


@dataclass
class InMemoryMessages:
    """A MessageStore in memory."""

    messages: dict[str, Message] = field(default_factory=dict)
    claims: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    inbound: dict[str, InboundMessage] = field(default_factory=dict)
    events: dict[str, UnknownEvent] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, message: Message, key: ClaimKey | None, now: float) -> Claim:
        with self.lock:
            if key is not None:
                holder, ends_at = self.claims.get(key.value, ("", 0.0))
                if holder and (ends_at is None or ends_at > now):
                    return Claim(won=holder == message.id, message_id=holder)
                ends_at = None if key.seconds is None else now + key.seconds
                self.claims[key.value] = (message.id, ends_at)
            early = self.messages.get(message.id, message)
            given = {name: getattr(message, name) for name in _GIVEN if getattr(message, name)}
            self.messages[message.id] = replace(early, **given)
            return Claim(won=True, message_id=message.id)

    def get(self, message_id: str) -> Message | None:
        return self.messages.get(message_id)

    def record_result(self, message_id: str, result: SendResult, at: str) -> Recorded:
        with self.lock:
            before = self._seen(message_id)
            facts = {
                "answered_at": at,
                "umid": before.umid or result.umid,
                "encoding": result.encoding,
                "reason": result.reason,
                "description": result.description,
                "eightx8_code": result.eightx8_code,
                "eightx8_error_id": result.eightx8_error_id,
            }
            given = {name: value for name, value in facts.items() if value}
            after = replace(before, **given)  # type: ignore[arg-type]
            is_known = all(getattr(before, name) for name in given)
            return self._advance(before, after, result.state, result.outcome, at, is_known=is_known)

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

    def record_told(self, message_id: str, at: str) -> None:
        with self.lock:
            message = self._seen(message_id)
            told_at = message.outcome_told_at or at
            self.messages[message_id] = replace(message, outcome_told_at=told_at)

    def record_refused(self, message_id: str, http_status: int, at: str) -> None:
        with self.lock:
            self.messages[message_id] = replace(
                self._seen(message_id), outcome_refused=http_status, outcome_refused_at=at
            )

    def keep_inbound(self, inbound: InboundMessage, received_at: str) -> None:  # noqa: ARG002
        self.inbound[inbound.umid] = inbound

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:  # noqa: ARG002
        self.events[event.key] = event

    def _seen(self, message_id: str) -> Message:
        return self.messages.get(message_id) or Message(id=message_id, state=State.SENDING)

    def _advance(
        self,
        before: Message,
        after: Message,
        state: State | None,
        outcome: Outcome | None,
        at: str,
        *,
        is_known: bool,
    ) -> Recorded:
        is_first = before.id not in self.messages
        if state is None or not (is_first or before.state in MAY_REPLACE[state]):
            # Late facts fill gaps and overwrite nothing.
            known = {name: getattr(before, name) for name in _GIVEN if getattr(before, name)}
            self.messages[before.id] = after = replace(after, **known)
            is_repeat = is_known and state is not None
            effect = Effect.REPEATED if is_repeat else Effect.LATE
            return Recorded(after, effect, outcome_is_new=False)
        is_new = outcome is not None and before.outcome is None
        if is_new:
            after = replace(after, outcome=outcome, outcome_due_at=at)
        self.messages[before.id] = after = replace(after, state=state)
        return Recorded(after, Effect.MOVED, outcome_is_new=is_new)
