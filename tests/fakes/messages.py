"""Messages in memory."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import count
from typing import Any

from sms_bridge.domain.arrivals import Click, InboundMessage, UnknownEvent
from sms_bridge.domain.attempt import Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.message import FINAL, MAY_REPLACE, Message, Outcome, Position, Receipt, State
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.errors import OnUnreadable, UnreadableItemError
from sms_bridge.storage.messages import FIRST_LEASE_SECONDS

MAX_RECEIPTS = 40
MAX_CLICKS = 20

_GIVEN = {one.name for one in fields(Message)} - {"id", "state", "outcome", "receipts", "clicks"}
_FAILURE = ("reason", "description", "eightx8_code", "eightx8_error_id")


@dataclass
class InMemoryMessages:
    """A MessageStore in memory.

    Attributes
    ----------
    stateless
        Ids of which something is known, but neither the message nor its state.
    open
        The ids of those whose outcome is to be reported; what was given up is not among them.
    unreadable
        Ids of open items that cannot be read.
    replies
        The inbound messages of a person that were answered in an hour.
    """

    messages: dict[str, Message] = field(default_factory=dict)
    stateless: set[str] = field(default_factory=set)
    open: dict[str, None] = field(default_factory=dict)
    inbound: dict[str, InboundMessage] = field(default_factory=dict)
    clicks: dict[str, dict[str, float]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    events: dict[str, UnknownEvent] = field(default_factory=dict)
    events_received_at: dict[str, float] = field(default_factory=dict)
    replies: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    export_jobs: dict[str, ExportJob] = field(default_factory=dict)
    leases: Iterator[int] = field(default_factory=count)
    lock: threading.RLock = field(default_factory=threading.RLock)

    # ----------------------------------------------------------------------------------- sending
    def create(self, message: Message) -> Message | None:
        with self.lock:
            early = self.messages.get(message.id, message)
            if early.accepted_at and early is not message:
                return None if early.claimed_by == message.claimed_by else early
            given = {name: getattr(message, name) for name in _GIVEN if getattr(message, name)}
            if message.id in self.stateless:
                given["state"] = message.state
            self.stateless.discard(message.id)
            self.messages[message.id] = replace(early, **{**given, "umid": early.umid})
            if not message.closes_window:
                self.open[message.id] = None
            return None

    def create_all(self, messages: Sequence[Message]) -> list[Message | Exception | None]:
        assert len({message.id for message in messages}) == len(messages)
        return [self._created(message) for message in messages]

    def _created(self, message: Message) -> Message | Exception | None:
        try:
            return self.create(message)
        except Exception as error:
            return error

    def get(self, message_id: str) -> Message | None:
        return self.messages.get(message_id)

    def get_outcome(self, message_id: str) -> Message | None:
        return self.get(message_id)

    def begin_attempt(self, message_id: str, at: float) -> Recorded:
        with self.lock:
            message = self.messages.get(message_id)
            if message is None or not message.accepted_at or message.state is not State.WAITING:
                there = message or Message(id="", state=State.SENDING)
                return Recorded(there, Effect.LATE, outcome_is_new=False)
            begun = self._change(
                message_id,
                state=State.SENDING,
                attempt=message.attempt + 1,
                attempt_at=at,
                # What came of the last one.
                answered_at=0.0,
                **dict.fromkeys(_FAILURE, ""),
            )
            return Recorded(begun, Effect.MOVED, outcome_is_new=False)

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: float
    ) -> dict[str, Recorded | Exception]:
        return {one: self._tried(one, at) for one in dict.fromkeys(message_ids)}

    def _tried(self, message_id: str, at: float) -> Recorded | Exception:
        try:
            return self.begin_attempt(message_id, at)
        except Exception as error:
            return error

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: float
    ) -> Recorded:
        failure: dict[str, Any] = {name: getattr(result, name) for name in _FAILURE}
        with self.lock:
            before = self._seen(message_id)
            facts: dict[str, Any] = {
                "answered_at": at,
                "ambiguous_since": at if result.verdict is Verdict.AMBIGUOUS else 0.0,
                "umid": before.umid or result.umid,
                "encoding": result.encoding,
                **failure,
            }
            given = {name: value for name, value in facts.items() if value}
            return self._move(
                before,
                # What an earlier attempt failed of is over.
                replace(before, **{**failure, **given}),
                state,
                result.failure if state in FINAL else None,
                at,
                may_move=bool(result.umid) or attempt == before.attempt,
            ) or self._late(before, replace(before, **given), Effect.LATE)

    # ---------------------------------------------------------------------------------- receipts
    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        with self.lock:
            before = self._seen(message_id)
            if before.sub_account_id.lower() == receipt.sub_account_id.lower():
                receipt = replace(receipt, sub_account_id=before.sub_account_id)
            ids = {"umid": receipt.umid, "sub_account_id": receipt.sub_account_id}
            known: dict[str, Any] = {
                name: getattr(before, name) or value for name, value in ids.items()
            }
            fits = receipt.sub_account_id in ("", known["sub_account_id"])
            is_known = any(one.key == receipt.key for one in before.receipts)
            receipts = before.receipts if is_known else (*before.receipts, receipt)
            order = sorted(receipts, key=lambda one: (one.received_at, one.at))
            after = replace(before, receipts=tuple(order), **known)
            at = receipt.received_at
            moved = self._move(before, after, receipt.state, outcome, at, may_move=fits)
            if moved:
                return moved
            effect = Effect.LATE if fits else Effect.MISMATCHED
            if is_known or len(before.receipts) >= MAX_RECEIPTS:
                effect = Effect.REPEATED if is_known else effect
                return Recorded(before, effect, outcome_is_new=False)
            return self._late(before, after, effect)

    def keep_inbound(self, inbound: InboundMessage, *, sender_hash: str = "") -> str:  # noqa: ARG002
        self.inbound.setdefault(inbound.umid, inbound)
        return f"inbound {inbound.umid}"

    def get_inbound(self, inbound_id: str) -> InboundMessage | None:
        return self.inbound.get(inbound_id.removeprefix("inbound "))

    def record_inbound_reported(self, inbound_id: str, at: float) -> None:
        umid = inbound_id.removeprefix("inbound ")
        if umid in self.inbound:
            self.inbound[umid] = replace(self.inbound[umid], reported_at=at)

    def record_click(self, message_id: str, click: Click) -> None:
        with self.lock:
            clicks = self.clicks.setdefault(message_id, {})
            if self._seen(message_id).accepted_at and len(clicks) < MAX_CLICKS:
                clicks[click.key] = click.at
                self._change(message_id, clicks=tuple(sorted(clicks.values())))

    def count_reply(self, recipient_hash: str, umid: str, at: float, *, at_most: int) -> bool:
        with self.lock:
            answered = self.replies.setdefault((recipient_hash, int(at // 3600)), set())
            if umid not in answered and len(answered) >= at_most:
                return False
            answered.add(umid)
            return True

    def keep_event(self, event: UnknownEvent, received_at: float) -> None:
        self.events.setdefault(event.key, event)
        self.events_received_at.setdefault(event.key, received_at)

    # ---------------------------------------------------------------------------------- outcomes
    def record_outcome(self, message_id: str, outcome: Outcome, at: float) -> Recorded:
        with self.lock:
            message = self._seen(message_id)
            if message.outcome:
                return Recorded(message, Effect.LATE, outcome_is_new=False)
            message = self._change(message_id, **self._due(outcome, at))
            return Recorded(message, Effect.MOVED, outcome_is_new=True)

    def lease_outcome(self, message_id: str, owner: str, at: float, until: float) -> bool:
        with self.lock:
            message = self._seen(message_id)
            is_free = message.outcome_next_try_at <= at and message.outcome_lease_until <= at
            is_own = message.outcome_lease_owner == owner
            if message.outcome_reported_at or not (is_own or is_free):
                return False
            self._change(message_id, outcome_lease_owner=owner, outcome_lease_until=until)
            return True

    def record_reported(self, message_id: str, outcome: Outcome, at: float) -> None:
        with self.lock:
            message = self._seen(message_id)
            if message.outcome and not message.outcome_reported_at:
                self._change(
                    message_id,
                    outcome=outcome,
                    outcome_reported_at=at,
                    outcome_next_try_at=0.0,
                    **_NO_LEASE,
                )
                self.open.pop(message_id, None)

    def record_not_acknowledged(self, message_id: str, owner: str, next_try_at: float) -> None:
        with self.lock:
            message = self._seen(message_id)
            if message.outcome_lease_owner == owner:
                tries = message.outcome_tries + 1
                self._change(
                    message_id, outcome_tries=tries, outcome_next_try_at=next_try_at, **_NO_LEASE
                )

    def record_given_up(self, message_id: str, reason: str, at: float) -> None:
        with self.lock:
            message = self._seen(message_id)
            if message.accepted_at and not message.outcome_reported_at:
                given_up = {"outcome_given_up": reason, "outcome_given_up_at": at}
                self._change(message_id, **given_up, **_NO_LEASE)
                self.open.pop(message_id, None)

    def record_log(self, message_id: str, at: float, *, has_answered: bool) -> None:
        name = "log_answered_at" if has_answered else "log_silent_since"
        with self.lock:
            if self._seen(message_id).accepted_at:
                self._change(message_id, **{name: at})

    def close(self, message_id: str) -> None:
        with self.lock:
            self.open.pop(message_id, None)

    # ------------------------------------------------------------------------------------- lists
    def open_messages(
        self, *, since: float = 0.0, until: float, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Message]:
        if on_unreadable:
            for one in self.unreadable:
                on_unreadable(UnreadableItemError(one, "ValueError"))
        listed = [self.messages[one] for one in self.open]
        return (one for one in listed if one.accepted_at and since <= one.accepted_at <= until)

    def newest_first(
        self, *, recipient_hash: str = "", campaign_id: str = "", before: Position | None = None
    ) -> Iterator[Message]:
        for message in sorted(self.messages.values(), key=Position.of, reverse=True):
            asked, its_own = recipient_hash or campaign_id, message.campaign_id
            if recipient_hash:
                its_own = message.recipient_hash
            is_further = before is None or Position.of(message) < before
            if message.accepted_at and its_own == asked and is_further:
                yield message

    # --------------------------------------------------------------------- exports of 8x8's log
    def get_export_job(self, sub_account_id: str) -> ExportJob | None:
        return self.export_jobs.get(sub_account_id)

    def put_export_job(self, job: ExportJob) -> None:
        self.export_jobs[job.sub_account_id] = job

    def remove_export_job(self, sub_account_id: str) -> None:
        self.export_jobs.pop(sub_account_id, None)

    # ------------------------------------------------------------------------------------- inside
    def _seen(self, message_id: str) -> Message:
        return self.messages.get(message_id) or Message(id=message_id, state=State.SENDING)

    def _change(self, message_id: str, **changes: Any) -> Message:
        if message_id not in self.messages:
            self.stateless.add(message_id)
        self.messages[message_id] = replace(self._seen(message_id), **changes)
        return self.messages[message_id]

    def _move(
        self,
        before: Message,
        after: Message,
        state: State | None,
        outcome: Outcome | None,
        at: float,
        *,
        may_move: bool,
    ) -> Recorded | None:
        """Move the message forward, if this does."""
        has_state = before.id in self.messages and before.id not in self.stateless
        if state is None or not may_move or (has_state and before.state not in MAY_REPLACE[state]):
            return None
        is_new = outcome is not None and before.outcome is None
        if outcome and is_new:
            after = replace(after, **self._due(outcome, at))
        elif outcome and not before.outcome_reported_at:
            after = replace(after, outcome=outcome)
        self.stateless.discard(before.id)
        self.messages[before.id] = after = replace(after, state=state)
        return Recorded(after, Effect.MOVED, outcome_is_new=is_new)

    def _late(self, before: Message, after: Message, effect: Effect) -> Recorded:
        """Keep facts that come late: they fill gaps and change nothing."""
        if before.id not in self.messages:
            self.stateless.add(before.id)
        known = {name: getattr(before, name) for name in _GIVEN if getattr(before, name)}
        self.messages[before.id] = after = replace(after, **known)
        return Recorded(after, effect, outcome_is_new=False)

    def _due(self, outcome: Outcome, at: float) -> dict[str, Any]:
        """Return what makes an outcome due: it is leased to the record that its maker queues."""
        return {
            "outcome": outcome,
            "outcome_due_at": at,
            "outcome_lease_owner": f"lease-{next(self.leases)}",
            "outcome_lease_until": at + FIRST_LEASE_SECONDS,
        }


_NO_LEASE: dict[str, Any] = {"outcome_lease_owner": "", "outcome_lease_until": 0.0}
