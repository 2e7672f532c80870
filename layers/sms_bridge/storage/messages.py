"""Messages in DynamoDB: which attributes change under which conditions, and lists of them."""

import heapq
import random
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sms_bridge.domain.attempt import FIRST_ATTEMPT, Effect, Recorded, SendResult, Verdict
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import FINAL, MAY_REPLACE, Message, Outcome, Position, Receipt, State
from sms_bridge.errors import OnUnreadable, UnreadableItemError
from sms_bridge.observability import logger
from sms_bridge.storage.aws import error_code, item_of_refusal
from sms_bridge.storage.table import (
    INBOUND_PREFIX,
    RECEIPT_IDS,
    RECEIPT_PREFIX,
    STAYS,
    Item,
    MessagesTable,
    campaign_shard,
    click_text,
    from_item,
    message_from,
    message_values,
    outcome_values,
    plain_values,
    read_as,
    receipt_name,
    receipt_values,
    shard_of,
    to_item,
)

if TYPE_CHECKING:
    from sms_bridge.domain.arrivals import Click, InboundMessage, UnknownEvent
    from sms_bridge.domain.reconciliation import ExportJob

SHARDS = "0123456789abcdef"
GIVEN_UP = "given up "

_DAY = 86_400

FIRST_LEASE_SECONDS = 100
"""An outcome that becomes due is leased for so long to the record that is queued for it."""

# So many of a message are kept: some hundred receipts would fill its item, and scanners of links
# open one without end.
MAX_RECEIPTS = 40
MAX_CLICKS = 20

# What tells why an attempt failed.
_FAILURE = ("reason", "description", "eightx8_code", "eightx8_error_id")

# What several writes ask for.
_IS_A_MESSAGE = "attribute_exists(accepted_at)"
_IS_NOT_DUE = "attribute_not_exists(due_at)"
_IS_DUE = "attribute_exists(due_at)"
_IS_NOT_REPORTED = "attribute_not_exists(reported_at)"
_IS_REPORTED = "attribute_exists(reported_at)"

# What it takes to report an outcome; boto3 takes a while for each attribute of an answer.
_TO_REPORT = (
    "id, accepted_at, umid, sub_account_id, destination, recipient_hash, campaign_shard, outcome, "
    "due_at, lease_owner, lease_until, next_try_at, tries, reported_at, given_up, reply_to"
)


class DynamoDBMessages:
    """A :class:`~sms_bridge.services.interfaces.MessageStore` in one DynamoDB table.

    boto3 repeats a call whose answer does not come. So each conditional write leaves a mark by
    which it is known again (``docs/architecture.md`` lists them), and a refusal shows the item.

    The client of ``patient`` tries for longer, for what must not be lost after MoEngage's answer.
    """

    def __init__(
        self, table: MessagesTable, patient: MessagesTable | None = None, retention_days: int = 90
    ) -> None:
        self._table = table
        self._patient = patient or table
        self._retention = retention_days * _DAY

    # ----------------------------------------------------------------------------------- sending
    def create(self, message: Message) -> Message | None:
        there = self._table.put_new(message.id, self._values(message))
        return None if there is None else self._taken(message, there)

    def create_all(self, messages: Sequence[Message]) -> list[Message | Exception | None]:
        errors = self._table.insert({"id": one.id, **self._values(one)} for one in messages)
        by_id = {one.id: one for one in messages}
        answers: dict[str, Message | Exception | None] = dict(zip(by_id, errors, strict=True))
        refused = [one for one in by_id if error_code(answers[one]).startswith("DuplicateItem")]
        try:
            there = {item["id"]["S"]: item for item in self._table.read(refused)}
        except Exception as error:
            return list((answers | dict.fromkeys(refused, error)).values())
        for one in refused:
            try:
                answers[one] = self._taken(by_id[one], there.get(one, {}))
            except Exception as error:
                answers[one] = error
        return list(answers.values())

    def _taken(self, message: Message, there: Item) -> Message | None:
        """Return the message that has the id, as `create` does, by the item that is there."""
        if "accepted_at" not in there:
            # Receipts came before their message: their state and 8x8's id stay.
            there, is_created = self._table.update(
                message.id,
                self._values(message),
                first={"state": message.state.value},
                only_if=["attribute_not_exists(accepted_at)"],
            )
            if is_created:
                return None
        taken = message_from(there)
        return None if taken.claimed_by == message.claimed_by else taken

    def _values(self, message: Message) -> dict[str, Any]:
        # Its receipts come after its time, and must find it.
        expires_at = self._expiry(max(message.accepted_at, message.scheduled_at))
        return {**message_values(message), "expires_at": expires_at}

    def begin_attempt(self, message_id: str, at: float) -> Recorded:
        nonce = secrets.token_hex(4)
        item, _ = self._table.update(
            message_id,
            {"state": State.SENDING.value, "attempt_at": at, "attempt_nonce": nonce},
            add={"attempt": 1},
            # What came of the last one.
            remove=("answered_at", *_FAILURE),
            only_if=[_IS_A_MESSAGE, "#state = :waiting"],
            given={"waiting": State.WAITING.value},
            returns="ALL_NEW",
        )
        return _attempt_in(item, nonce)

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: float
    ) -> dict[str, Recorded | Exception]:
        """Begin most in few calls.

        DynamoDB changes many items in one call by PartiQL's statements only: each has a condition
        of its own, and holds or fails alone. An attempt that is not the first is begun by itself.
        """
        nonce = secrets.token_hex(4)
        # Of what came from outside each value is a parameter.
        statement = (
            f'UPDATE "{self._table.name}" SET "state" = \'{State.SENDING}\' SET "attempt" = 1 '  # noqa: S608  # nosec B608
            'SET "attempt_at" = ? SET "attempt_nonce" = ? WHERE "id" = ? '
            f'AND "state" = \'{State.WAITING}\' AND "attempt" IS MISSING '
            'AND "answered_at" IS MISSING'
        )
        # No item may be changed twice in one call.
        ids = list(dict.fromkeys(message_ids))
        errors = self._table.execute(
            {
                "Statement": statement,
                "Parameters": [{"S": timestamp(at)}, {"S": nonce}, {"S": one}],
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
            for one in ids
        )
        return {
            one: self._after_error(one, error, nonce, at) if error else FIRST_ATTEMPT
            for one, error in zip(ids, errors, strict=True)
        }

    def _after_error(
        self, message_id: str, error: Exception, nonce: str, at: float
    ) -> Recorded | Exception:
        """Return what a statement's error means; begins an attempt that is not the first."""
        if error_code(error) != "ConditionalCheckFailed":
            # That of a whole call, raised for each message, would name the places again and again.
            return error
        try:
            item = item_of_refusal(error) or self._table.get(message_id) or {}
            attempt = _attempt_in(item, nonce)
            may_begin = attempt.message.state is State.WAITING
            return self.begin_attempt(message_id, at) if may_begin else attempt
        except Exception as its_error:
            return its_error

    def record_result(
        self, message_id: str, attempt: int, result: SendResult, state: State, at: float
    ) -> Recorded:
        facts = {
            "answered_at": at,
            "ambiguous_since": at if result.verdict is Verdict.AMBIGUOUS else 0.0,
            "umid": result.umid,
            "encoding": result.encoding,
            **{name: getattr(result, name) for name in _FAILURE},
        }
        only_if = "attempt = :attempt" if attempt else "attribute_not_exists(attempt)"
        moved = self._move(
            message_id,
            state,
            facts,
            result.failure if state in FINAL else None,
            at,
            # 8x8's id is proof, whoever brings it.
            only_if=[] if result.umid else [only_if],
            given={} if result.umid else {"attempt": attempt},
            remove=("attempt_nonce", *(name for name in _FAILURE if not facts[name])),
        )
        if isinstance(moved, Recorded):
            return moved
        return self._keep_facts(message_id, facts, at, Effect.LATE)

    # ---------------------------------------------------------------------------------- receipts
    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        name = receipt_name(receipt)
        ids = {one: getattr(receipt, one) for one in RECEIPT_IDS}
        named = receipt.sub_account_id
        # 8x8's own id may be another one: what was sent again may be there twice.
        is_its_own = "(attribute_not_exists(sub_account_id) OR sub_account_id = :sub_account_id)"
        moved = self._move(
            message_id,
            receipt.state,
            {name: receipt_values(receipt), **ids},
            outcome,
            receipt.received_at,
            only_if=[is_its_own] if named else [],
        )
        if isinstance(moved, Recorded):
            if receipt.umid not in ("", moved.message.umid):
                whole = receipt_values(receipt, {"umid": moved.message.umid})
                self._table.was_written(message_id, {name: whole})
            return moved
        before = from_item(moved)
        its_own = before.get("sub_account_id", "")
        if its_own != named and its_own.lower() == named.lower():
            # 8x8 writes it as it was made, callers as they like.
            own = replace(receipt, sub_account_id=its_own)
            return self.record_receipt(message_id, own, outcome)
        effect = Effect.MISMATCHED if named and its_own not in ("", named) else Effect.LATE
        if name in before:
            effect = Effect.REPEATED
        if name in before or sum(one.startswith(RECEIPT_PREFIX) for one in before) >= MAX_RECEIPTS:
            return Recorded(message_from(moved), effect)
        facts = {name: receipt_values(receipt, before), **ids}
        return self._keep_facts(message_id, facts, receipt.received_at, effect)

    def keep_inbound(self, inbound: "InboundMessage", *, sender_hash: str = "") -> str:
        inbound_id = INBOUND_PREFIX + inbound.umid
        values = {**plain_values(inbound), "sender_hash": sender_hash}
        self._keep(inbound_id, inbound.received_at, values)
        return inbound_id

    def get_inbound(self, inbound_id: str) -> "InboundMessage | None":
        from sms_bridge.domain.arrivals import InboundMessage

        item = self._table.get(inbound_id)
        return read_as(InboundMessage, item) if item else None

    def record_inbound_reported(self, inbound_id: str, at: float) -> None:
        # It may have been forgotten meanwhile; an update would bring an empty item back.
        is_there = "attribute_exists(received_at)"
        self._patient.was_written(inbound_id, {"reported_at": at}, only_if=[is_there])

    def record_click(self, message_id: str, click: "Click") -> None:
        fewer = "(attribute_not_exists(clicks) OR size(clicks) < :most)"
        self._table.was_written(
            message_id,
            {},
            # What is in a set is added to it once.
            add={"clicks": {click_text(click)}},
            only_if=[_IS_A_MESSAGE, fewer],
            given={"most": MAX_CLICKS},
        )

    def count_reply(self, recipient_hash: str, umid: str, at: float, *, at_most: int) -> bool:
        is_own_or_first = "contains(umids, :umid) OR attribute_not_exists(umids)"
        return self._table.was_written(
            # An item for each hour.
            f"replies {recipient_hash} {timestamp(at)[:13]}",
            {"expires_at": int(at) + _DAY},
            add={"umids": {umid}},
            only_if=[f"({is_own_or_first} OR size(umids) < :at_most)"],
            given={"umid": umid, "at_most": at_most},
        )

    def keep_event(self, event: "UnknownEvent", received_at: float) -> None:
        self._keep(f"event {event.key}", received_at, plain_values(event))

    # ---------------------------------------------------------------------------------- outcomes
    def record_outcome(self, message_id: str, outcome: Outcome, at: float) -> Recorded:
        due = self._due(outcome, at)
        item, _ = self._table.update(message_id, due, only_if=[_IS_NOT_DUE])
        is_own = item.get("lease_owner") == {"S": due["lease_owner"]}
        effect = Effect.MOVED if is_own else Effect.LATE
        return Recorded(message_from(item), effect, outcome_is_new=is_own)

    def lease_outcome(self, message_id: str, owner: str, at: float, until: float) -> bool:
        """Lease an outcome.

        .. code-block:: text

            due ------------ lease_until ----- try fails ----- next_try_at ----- try ... reported
             leased to its    |  anybody's      leased to       |  anybody's      leased   nobody's
             queue record     |                 who tries       |
        """
        its_time_has_come = "(attribute_not_exists(next_try_at) OR next_try_at <= :at)"
        nobody_has_it = "(attribute_not_exists(lease_until) OR lease_until <= :at)"
        it_is_the_callers = "lease_owner = :lease_owner"
        return self._table.was_written(
            message_id,
            {"lease_owner": owner, "lease_until": until},
            only_if=[
                _IS_NOT_REPORTED,
                f"({it_is_the_callers} OR ({its_time_has_come} AND {nobody_has_it}))",
            ],
            given={"at": at},
        )

    def record_reported(self, message_id: str, outcome: Outcome, at: float) -> None:
        self._patient.was_written(
            message_id,
            {"reported_at": at, "outcome": outcome_values(outcome)},
            remove=("open_shard", "lease_owner", "lease_until", "next_try_at"),
            only_if=[_IS_DUE, _IS_NOT_REPORTED],
        )

    def record_not_acknowledged(self, message_id: str, owner: str, next_try_at: float) -> None:
        self._table.was_written(
            message_id,
            {"next_try_at": next_try_at},
            add={"tries": 1},
            remove=("lease_owner", "lease_until"),
            only_if=["lease_owner = :owner"],
            given={"owner": owner},
        )

    def record_given_up(self, message_id: str, reason: str, at: float) -> None:
        self._table.was_written(
            message_id,
            {"given_up": reason, "given_up_at": at, "open_shard": GIVEN_UP + shard_of(message_id)},
            remove=("lease_owner", "lease_until"),
            only_if=[_IS_A_MESSAGE, _IS_NOT_REPORTED],
        )

    def record_log(self, message_id: str, at: float, *, has_answered: bool) -> None:
        name = "log_answered_at" if has_answered else "log_silent_since"
        self._table.was_written(message_id, {name: at}, only_if=[_IS_A_MESSAGE])

    def close(self, message_id: str) -> None:
        self._table.was_written(message_id, {}, remove=("open_shard",), only_if=[_IS_A_MESSAGE])

    # ------------------------------------------------------------------------------------- reading
    def get(self, message_id: str, only: str = "") -> Message | None:
        item = self._table.get(message_id, only)
        return message_from(item) if item else None

    def get_outcome(self, message_id: str) -> Message | None:
        return self.get(message_id, _TO_REPORT)

    def open_messages(
        self, *, since: float = 0.0, until: float, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Message]:
        # Each time another shard comes first, should none come to the last.
        first = random.randrange(len(SHARDS))  # noqa: S311 - no secret  # nosec B311
        shards = SHARDS[first:] + SHARDS[:first]
        return self._listed(shards, since, until, on_unreadable)

    def newest_first(
        self, *, recipient_hash: str = "", campaign_id: str = "", before: Position | None = None
    ) -> Iterator[Message]:
        index, values = "recipient", [recipient_hash]
        if not recipient_hash:
            index, values = "campaign", [campaign_shard(campaign_id, shard) for shard in SHARDS]
        end = before or Position(inf, "")
        lists = (self._table.find(index, one, 0.0, end.accepted_at) for one in values)
        readable = (filter(None, map(_readable, one)) for one in lists)
        accepted_at = attrgetter("accepted_at")
        # What was accepted at the same time, a batch say, is in any order in an index.
        for _, some in groupby(heapq.merge(*readable, key=accepted_at, reverse=True), accepted_at):
            for message in sorted(some, key=Position.of, reverse=True):
                if Position.of(message) < end:
                    yield message

    def _listed(
        self, shards: Iterable[str], since: float, until: float, on_unreadable: OnUnreadable | None
    ) -> Iterator[Message]:
        for shard in shards:
            for item in self._table.find("open", shard, since, until):
                # The index lags behind the table; what left the list meanwhile is not on it.
                is_listed = item.get("open_shard") == {"S": shard}
                if is_listed and (message := _readable(item, on_unreadable)):
                    yield message

    # -------------------------------------------------------------------- exports of 8x8's log
    def get_export_job(self, sub_account_id: str) -> "ExportJob | None":
        from sms_bridge.domain.reconciliation import ExportJob

        item = self._table.get(f"export {sub_account_id}")
        return read_as(ExportJob, item) if item else None

    def put_export_job(self, job: "ExportJob") -> None:
        values = {**plain_values(job), "expires_at": int(job.asked_at) + _DAY}
        self._table.put(f"export {job.sub_account_id}", values)

    def remove_export_job(self, sub_account_id: str) -> None:
        self._table.delete(f"export {sub_account_id}")

    # ------------------------------------------------------------------------------------- inside
    def _move(
        self,
        message_id: str,
        state: State | None,
        facts: Mapping[str, Any],
        outcome: Outcome | None,
        at: float,
        *,
        only_if: Sequence[str],
        given: Mapping[str, Any] = {},
        remove: tuple[str, ...] = (),
    ) -> Recorded | Item:
        """Write facts, state and outcome if the state moves the message forward.

        Of the outcome is written what belongs to the stage that the message is in. The first one
        is tried first; a refusal shows another one, and stages only follow each other.

        .. code-block:: text

            accepted ------------------- due_at ---------------------- reported_at ----------->
              no outcome yet              |  it follows the state       |  it stays as reported
              outcome, due_at, lease      |  outcome                    |  nothing

        Returns the item as it is, if it does not move.
        """
        if state is None:
            return self._table.get(message_id) or {}
        may_replace = {one.value: one.value for one in sorted(MAY_REPLACE[state])}
        may_follow = f"(attribute_not_exists(#state) OR #state IN (:{', :'.join(may_replace)}))"
        written = {**facts, "state": state.value}
        due = self._due(outcome, at) if outcome else {}
        stages: list[tuple[dict[str, Any], list[str]]] = [
            (due, [_IS_NOT_DUE]),
            ({"outcome": due.get("outcome")}, [_IS_DUE, _IS_NOT_REPORTED]),
            ({}, [_IS_REPORTED]),
        ]
        stage = 0
        while True:
            changes, is_at_this_stage = stages[stage] if outcome else ({}, [])
            item, is_written = self._table.update(
                message_id,
                {**written, **changes, "expires_at": self._expiry(at)},
                remove=remove,
                only_if=[may_follow, *only_if, *is_at_this_stage],
                given={**may_replace, **given},
            )
            # One's own write, too, may have been refused when repeated: then all of it is there.
            own = {} if is_written else to_item(written)
            is_written = all(item.get(name) == own[name] for name in own.keys() - STAYS)
            outcome_is_new = bool(due) and item.get("lease_owner") == {"S": due["lease_owner"]}
            if is_written or outcome_is_new:
                return Recorded(message_from(item), Effect.MOVED, outcome_is_new=outcome_is_new)
            stage_before, stage = stage, 2 if "reported_at" in item else int("due_at" in item)
            if not outcome or stage == stage_before:
                return item

    def _due(self, outcome: Outcome, at: float) -> dict[str, Any]:
        """Return what makes an outcome due: it is leased to the record that its maker queues."""
        return {
            "outcome": outcome_values(outcome),
            "due_at": at,
            "lease_owner": secrets.token_hex(4),
            "lease_until": at + FIRST_LEASE_SECONDS,
        }

    def _keep_facts(
        self, message_id: str, facts: Mapping[str, Any], at: float, effect: Effect
    ) -> Recorded:
        """Write facts that come late: they fill gaps and change nothing."""
        first = {**facts, "expires_at": self._expiry(at)}
        item, _ = self._table.update(message_id, {}, first=first)
        return Recorded(message_from(item), effect)

    def _keep(self, key: str, received_at: float, values: Mapping[str, Any]) -> None:
        kept = {**values, "received_at": received_at, "expires_at": self._expiry(received_at)}
        # What came of it since must stay.
        self._table.put_new(key, kept)

    def _expiry(self, at: float) -> int:
        return int(at) + self._retention


def _attempt_in(item: Item, nonce: str) -> Recorded:
    """Return whose attempt it is: one's own write, too, may have been refused when repeated."""
    is_own = item.get("attempt_nonce") == {"S": nonce}
    message = message_from(item) if item else Message(id="", state=State.SENDING)
    return Recorded(message, Effect.MOVED if is_own else Effect.LATE)


def _readable(item: Item, on_unreadable: OnUnreadable | None = None) -> Message | None:
    try:
        return message_from(item)
    except UnreadableItemError as error:
        if on_unreadable:
            on_unreadable(error)
        else:
            logger.warning("item cannot be read", message_id=error.item_id, reason=error.reason)
        return None
