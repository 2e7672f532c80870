"""Messages in DynamoDB."""

import heapq
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import batched, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Outcome, Receipt
from sms_bridge.domain.outcome import FIRST_LEASE_SECONDS
from sms_bridge.domain.recorded import FIRST_ATTEMPT, Attempt, Effect, Position, Recorded
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import FINAL, MAY_REPLACE, State
from sms_bridge.errors import BridgeError, OnUnreadable, UnreadableItemError
from sms_bridge.observability import logger
from sms_bridge.storage.aws import item_of_refusal
from sms_bridge.storage.items import (
    CAMPAIGN,
    INBOUND_PREFIX,
    RECEIPT_PREFIX,
    Item,
    campaign_shard,
    click_text,
    from_item,
    inbound_from,
    inbound_values,
    message_from,
    message_values,
    outcome_values,
    receipt_name,
    receipt_values,
    shard_of,
    to_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import ReturnValueType
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    from sms_bridge.domain.callback_events import Click, InboundMessage, UnknownEvent

_SECONDS_A_DAY = 86_400

MAX_RECEIPTS = 40
"""So many receipts of a message are kept: some hundred would fill its item."""

MAX_CLICKS = 20
"""So many clicks of a message are kept: scanners of links open one without end."""

# DynamoDB's limits.
_STATEMENTS_A_CALL = 25
_KEYS_A_CALL = 100

# The newest messages are read in growing steps: nearly always the first ones are meant.
_NEWEST_READ_FIRST = 5

# DynamoDB may leave keys for another call: of a hundred items it reads some every time.
_MAX_READS = 20

SHARDS = "0123456789abcdef"
_GIVEN_UP = "given up "

# Before and after every moment that is written down.
FIRST, LAST = 0.0, float("inf")

# What tells why an attempt failed.
_FAILURE = ("reason", "description", "eightx8_code", "eightx8_error_id")

# What it takes to report an outcome; boto3 takes a while for each attribute of an answer.
_TO_REPORT = (
    "id, accepted_at, umid, sub_account_id, destination, recipient_hash, campaign_shard, outcome, "
    "due_at, lease_owner, lease_until, next_try_at, tries, reported_at, given_up, reply_to"
)

# Of these what came first stays.
_STAYS = frozenset({"umid", "sub_account_id", "expires_at"})


class Index(NamedTuple):
    """An index of the table and the attribute that it goes by.

    All are sorted by ``accepted_at`` and hold keys only. Shards are named after an id's first
    digit, so that a burst of messages is not written to one partition.
    """

    name: str
    attribute: str


OPEN = Index("open", "open_shard")
"""Messages whose outcome is not reported, and apart from them those given up."""
BY_RECIPIENT = Index("recipient", "recipient_hash")
BY_CAMPAIGN = Index("campaign", CAMPAIGN)


class KeysLeftOutError(BridgeError):
    """DynamoDB leaves keys out again and again."""


class _RefusedError(Exception):
    """The condition of a write does not hold.

    Attributes
    ----------
    item
        As it is, empty where there is none.
    """

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


def log_unreadable(error: UnreadableItemError) -> None:
    """Name an item that is skipped."""
    logger.warning("item cannot be read", message_id=error.item_id, reason=error.reason)


def new_nonce() -> str:
    """Return a mark by which a write of one's own is known again."""
    return secrets.token_hex(4)


class DynamoDBMessages:
    """A :class:`~sms_bridge.services.interfaces.MessageStore` in one DynamoDB table.

    boto3 repeats a call whose answer does not come, so that a condition may meet what the call
    itself has written. Therefore each conditional write leaves something by which it is known
    again: ``claimed_by``, ``attempt_nonce``, ``lease_owner`` or the facts with their time. A
    refusal shows the item, and who finds his own mark there has succeeded.

    Parameters
    ----------
    table
        Name of the table. Its key is the string attribute ``id``.
    patient
        A client that tries for longer, for what must not be lost after MoEngage's answer.
    retention_days
        After how many days a new item expires.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        patient: "DynamoDBClient | None" = None,
        retention_days: int = 90,
        new_nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._client = client
        self._patient = patient or client
        self._table = table
        self._retention = retention_days * _SECONDS_A_DAY
        self._new_nonce = new_nonce

    # ----------------------------------------------------------------------------------- sending
    def create(self, message: Message) -> Message | None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._new_item(message),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return self._taken(message, item_of_refusal(error))
        return None

    def create_all(self, messages: Sequence[Message]) -> list[Message | Exception | None]:
        """Create most in few calls.

        BatchWriteItem knows no conditions, and a transaction costs twice the write units. PartiQL's
        ``INSERT`` refuses an id that is taken, each statement for itself, but does not show the
        item: those are read.
        """
        answers: dict[str, Message | Exception | None] = {}
        refused: list[Message] = []
        insertions = [_insertion(self._table, self._new_item(one)) for one in messages]
        for message, failure in zip(messages, self._execute(insertions), strict=True):
            if isinstance(failure, dict) and failure["Code"].startswith("DuplicateItem"):
                refused.append(message)
            else:
                answers[message.id] = _error_of(failure) if failure else None
        answers |= self._taken_among(refused)
        return [answers[one.id] for one in messages]

    def _taken_among(self, refused: Sequence[Message]) -> dict[str, Message | Exception | None]:
        try:
            keys = [{"id": {"S": one.id}} for one in refused]
            there = {item["id"]["S"]: item for item in read_items(self._client, self._table, keys)}
        except Exception as error:
            return {one.id: error for one in refused}
        answers: dict[str, Message | Exception | None] = {}
        for message in refused:
            try:
                answers[message.id] = self._taken(message, there.get(message.id, {}))
            except Exception as error:
                answers[message.id] = error
        return answers

    def _taken(self, message: Message, there: Item) -> Message | None:
        """Return the message that has the id, as `create` does, by the item that is there."""
        if "accepted_at" not in there:
            # Receipts came before their message: their state and 8x8's id stay.
            values = from_item(self._new_item(message))
            first = {"state": values.pop("state")}
            del values["id"]
            try:
                self._update(
                    message.id,
                    values,
                    first=first,
                    only_if=["attribute_not_exists(accepted_at)"],
                )
            except _RefusedError as refused:
                there = refused.item
            else:
                return None
        taken = message_from(there)
        is_own = bool(message.claimed_by) and taken.claimed_by == message.claimed_by
        return None if is_own else taken

    def _new_item(self, message: Message) -> Item:
        values = {**message_values(message), "expires_at": self._expiry(message.accepted_at)}
        return to_item({"id": message.id, **values})

    def begin_attempt(self, message_id: str, at: float) -> Attempt:
        nonce = self._new_nonce()
        is_a_message = "attribute_exists(accepted_at)"
        waits = f"#state = :{State.WAITING}"
        try:
            message = self._update(
                message_id,
                {"state": State.SENDING.value, "attempt_at": at, "attempt_nonce": nonce},
                count="attempt",
                # What came of the last one.
                remove=("answered_at", *_FAILURE),
                only_if=[is_a_message, waits],
                given=_named(State.WAITING),
            )
        except _RefusedError as refused:
            return self._attempt_in(refused.item, nonce)
        return Attempt.of(message, begun=True)

    def begin_first_attempts(
        self, message_ids: Iterable[str], at: float
    ) -> dict[str, Attempt | Exception]:
        """Begin most in few calls.

        DynamoDB changes many items in one call by PartiQL's statements only: each has a condition
        of its own, and holds or fails alone. An attempt that is not the first is begun by itself.
        """
        nonce = self._new_nonce()
        # Of what came from outside each value is a parameter.
        statement = (
            f'UPDATE "{self._table}" SET "state" = \'{State.SENDING}\' SET "attempt" = 1 '  # noqa: S608  # nosec B608
            'SET "attempt_at" = ? SET "attempt_nonce" = ? WHERE "id" = ? '
            f'AND "state" = \'{State.WAITING}\' AND "attempt" IS MISSING '
            'AND "answered_at" IS MISSING'
        )
        # No item may be changed twice in one call.
        ids = list(dict.fromkeys(message_ids))
        updates: list[BatchStatementRequestTypeDef] = [
            {
                "Statement": statement,
                "Parameters": [{"S": timestamp(at)}, {"S": nonce}, {"S": one}],
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
            for one in ids
        ]
        return {
            message_id: self._after_failure(message_id, failure, nonce, at)
            if failure
            else FIRST_ATTEMPT
            for message_id, failure in zip(ids, self._execute(updates), strict=True)
        }

    def _execute(
        self, statements: "Iterable[BatchStatementRequestTypeDef]"
    ) -> Iterator["_Failure | None"]:
        """Execute statements in few calls, each for itself; yields why one failed."""
        for some in batched(statements, _STATEMENTS_A_CALL):
            try:
                responses: Sequence[Mapping[str, Any]] = self._client.batch_execute_statement(
                    Statements=list(some)
                )["Responses"]
                failures: list[_Failure | None] = [one.get("Error") for one in responses]
            except Exception as error:
                failures = [error] * len(some)
            yield from failures

    def _after_failure(
        self, message_id: str, failure: "_Failure", nonce: str, at: float
    ) -> Attempt | Exception:
        """Return what a statement's failure means; begins an attempt that is not the first."""
        if isinstance(failure, Exception) or failure["Code"] != "ConditionalCheckFailed":
            return _error_of(failure)
        try:
            item = failure.get("Item") or self._get(message_id) or {}
            attempt = self._attempt_in(item, nonce)
            if not attempt.begun and attempt.state is State.WAITING:
                return self.begin_attempt(message_id, at)
        except Exception as error:
            return error
        return attempt

    @staticmethod
    def _attempt_in(item: Item, nonce: str) -> Attempt:
        """Return the answer for a message that was refused; one's own write is no refusal."""
        if not item:
            return Attempt(begun=False)
        is_own = item.get("attempt_nonce") == {"S": nonce}
        return Attempt.of(message_from(item), begun=is_own)

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
        is_last_attempt = "attempt = :attempt" if attempt else "attribute_not_exists(attempt)"
        has_umid = bool(result.umid)
        moved = self._move(
            message_id,
            state,
            facts,
            result.outcome if state in FINAL else None,
            at,
            # 8x8's id is proof, whoever brings it.
            only_if=[] if has_umid else [is_last_attempt],
            given={":attempt": attempt} if attempt and not has_umid else {},
            remove=("attempt_nonce", *(name for name in _FAILURE if not facts[name])),
        )
        return moved if isinstance(moved, Recorded) else self._keep_facts(message_id, facts, at)

    # ---------------------------------------------------------------------------------- receipts
    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        name = receipt_name(receipt)
        ids = {"umid": receipt.umid, "sub_account_id": receipt.sub_account_id}
        if receipt.state is None:
            item = self._get(message_id) or {}
        else:
            moved = self._move(
                message_id,
                receipt.state,
                {name: receipt_values(receipt), **ids},
                outcome,
                receipt.received_at,
                only_if=[
                    f"(attribute_not_exists({one}) OR {one} = :{one})"
                    for one, value in ids.items()
                    if value
                ],
                given={f":{one}": value for one, value in ids.items() if value},
            )
            if isinstance(moved, Recorded):
                return moved
            item = moved
        before = from_item(item)
        sub_account_id = before.get("sub_account_id", "")
        if sub_account_id != receipt.sub_account_id and (
            sub_account_id.lower() == receipt.sub_account_id.lower()
        ):
            # 8x8 writes it as it was made, callers as they like.
            own = replace(receipt, sub_account_id=sub_account_id)
            return self.record_receipt(message_id, own, outcome)
        is_mismatched = any(value and before.get(one, value) != value for one, value in ids.items())
        effect = Effect.MISMATCHED if is_mismatched else Effect.LATE
        if name in before:
            return Recorded(message_from(item), Effect.REPEATED, outcome_is_new=False)
        if sum(one.startswith(RECEIPT_PREFIX) for one in before) >= MAX_RECEIPTS:
            return Recorded(message_from(item), effect, outcome_is_new=False)
        facts = {name: receipt_values(receipt, is_mismatched=is_mismatched), **ids}
        recorded = self._keep_facts(message_id, facts, receipt.received_at)
        return Recorded(recorded.message, effect, outcome_is_new=False)

    def keep_inbound(self, inbound: "InboundMessage", *, sender_hash: str = "") -> str:
        inbound_id = INBOUND_PREFIX + inbound.umid
        values = {**inbound_values(inbound), "sender_hash": sender_hash}
        self._keep(inbound_id, inbound.received_at, values)
        return inbound_id

    def get_inbound(self, inbound_id: str) -> "InboundMessage | None":
        item = self._get(inbound_id)
        return inbound_from(item) if item else None

    def record_inbound_reported(self, inbound_id: str, at: float) -> None:
        self._was_written(
            inbound_id,
            {"reported_at": at},
            # It may have been forgotten meanwhile; an update would bring an empty item back.
            only_if=["attribute_exists(received_at)"],
            client=self._patient,
        )

    def record_click(self, message_id: str, click: "Click") -> None:
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": message_id}},
                # What is in a set is added to it once.
                UpdateExpression="ADD clicks :click",
                ConditionExpression=(
                    "attribute_exists(accepted_at) "
                    "AND (attribute_not_exists(clicks) OR size(clicks) < :most)"
                ),
                ExpressionAttributeValues={
                    ":click": {"SS": [click_text(click)]},
                    ":most": {"N": str(MAX_CLICKS)},
                },
            )
        except ClientError as error:
            item_of_refusal(error)

    def keep_event(self, event: "UnknownEvent", received_at: float) -> None:
        content = {"event_type": event.event_type, "content": event.content}
        self._keep(f"event {event.key}", received_at, content)

    # ---------------------------------------------------------------------------------- outcomes
    def record_outcome(self, message_id: str, outcome: Outcome, at: float) -> Recorded:
        due = self._due(outcome, at)
        try:
            message = self._update(message_id, due, only_if=["attribute_not_exists(due_at)"])
        except _RefusedError as refused:
            there = message_from(refused.item)
            is_own = there.outcome_lease_owner == due["lease_owner"]
            return Recorded(there, Effect.MOVED if is_own else Effect.LATE, outcome_is_new=is_own)
        return Recorded(message, Effect.MOVED, outcome_is_new=True)

    def lease_outcome(self, message_id: str, owner: str, at: float, until: float) -> bool:
        """Lease an outcome.

        .. code-block:: text

            due ------------ lease_until ----- try fails ----- next_try_at ----- try ... reported
             leased to its    |  anybody's      leased to       |  anybody's      leased   nobody's
             queue record     |                 who tries       |
        """
        not_reported = "attribute_not_exists(reported_at)"
        its_time_has_come = "(attribute_not_exists(next_try_at) OR next_try_at <= :at)"
        nobody_has_it = "(attribute_not_exists(lease_until) OR lease_until <= :at)"
        it_is_the_callers = "lease_owner = :owner"
        return self._was_written(
            message_id,
            {"lease_owner": owner, "lease_until": until},
            only_if=[
                not_reported,
                f"({it_is_the_callers} OR ({its_time_has_come} AND {nobody_has_it}))",
            ],
            given={":at": at, ":owner": owner},
        )

    def record_reported(self, message_id: str, outcome: Outcome, at: float) -> None:
        self._was_written(
            message_id,
            {"reported_at": at, "outcome": outcome_values(outcome)},
            remove=("open_shard", "lease_owner", "lease_until", "next_try_at"),
            only_if=["attribute_exists(due_at)", "attribute_not_exists(reported_at)"],
            client=self._patient,
        )

    def record_not_acknowledged(self, message_id: str, owner: str, next_try_at: float) -> None:
        self._was_written(
            message_id,
            {"next_try_at": next_try_at},
            count="tries",
            remove=("lease_owner", "lease_until"),
            only_if=["lease_owner = :owner"],
            given={":owner": owner},
        )

    def record_given_up(self, message_id: str, reason: str, at: float) -> None:
        self._was_written(
            message_id,
            {
                "given_up": reason,
                "given_up_at": at,
                "open_shard": _GIVEN_UP + shard_of(message_id),
            },
            remove=("lease_owner", "lease_until"),
            only_if=["attribute_exists(accepted_at)", "attribute_not_exists(reported_at)"],
        )

    def record_replayed(self, message_id: str) -> None:
        self._was_written(
            message_id,
            {"open_shard": shard_of(message_id)},
            remove=("given_up", "given_up_at", "tries", "next_try_at"),
            only_if=["attribute_exists(given_up)", "attribute_not_exists(reported_at)"],
        )

    def record_log_silence(self, message_id: str, at: float) -> None:
        self._was_written(
            message_id, {"log_silent_since": at}, only_if=["attribute_exists(accepted_at)"]
        )

    def record_log_answer(self, message_id: str, at: float) -> None:
        self._was_written(
            message_id, {"log_answered_at": at}, only_if=["attribute_exists(accepted_at)"]
        )

    def close(self, message_id: str) -> None:
        self._was_written(
            message_id, {}, remove=("open_shard",), only_if=["attribute_exists(accepted_at)"]
        )

    # ----------------------------------------------------------------------------------- look-up
    def get(self, message_id: str) -> Message | None:
        item = self._get(message_id)
        return message_from(item) if item else None

    def get_outcome(self, message_id: str) -> Message | None:
        item = self._get(message_id, _TO_REPORT)
        return message_from(item) if item else None

    def open_messages(
        self, *, since: float = FIRST, until: float, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Message]:
        # Each time another shard comes first, should none come to the last.
        first = random.randrange(len(SHARDS))  # noqa: S311 - no secret  # nosec B311
        for shard in SHARDS[first:] + SHARDS[:first]:
            yield from self._listed(shard, since, until, on_unreadable or log_unreadable)

    def given_up_messages(self, *, since: float, until: float) -> Iterator[Message]:
        for shard in SHARDS:
            yield from self._listed(_GIVEN_UP + shard, since, until, log_unreadable)

    def messages_to(
        self, recipient_hash: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        return self._newest_first(BY_RECIPIENT, [recipient_hash], before)

    def messages_of_campaign(
        self, campaign_id: str, *, before: Position | None = None
    ) -> Iterator[Message]:
        shards = [campaign_shard(campaign_id, shard) for shard in SHARDS]
        return self._newest_first(BY_CAMPAIGN, shards, before)

    def _listed(
        self, shard: str, since: float, until: float, on_unreadable: OnUnreadable
    ) -> Iterator[Message]:
        for item in self._find(OPEN, shard, since=since, until=until):
            # The index lags behind the table; what left the list meanwhile is not on it.
            if item.get("open_shard") != {"S": shard}:
                continue
            if message := _readable(item, on_unreadable):
                yield message

    def _newest_first(
        self, index: Index, values: Sequence[str], before: Position | None
    ) -> Iterator[Message]:
        until = before.accepted_at if before else LAST
        found = [
            filter(None, map(_readable, self._find(index, value, until=until, backwards=True)))
            for value in values
        ]
        for message in heapq.merge(*found, key=Position.of, reverse=True):
            if before is None or Position.of(message) < before:
                yield message

    def _find(
        self,
        index: Index,
        value: str,
        *,
        since: float = FIRST,
        until: float = LAST,
        backwards: bool = False,
    ) -> Iterator[Item]:
        """Return the items under a value of an index, by when they were accepted."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index.name,
            "KeyConditionExpression": (
                f"{index.attribute} = :value AND accepted_at BETWEEN :since AND :until"
            ),
            "ExpressionAttributeValues": to_item(
                {":value": value, ":since": _bound(since), ":until": _bound(until)}
            ),
            "ScanIndexForward": not backwards,
        }
        at_once = _NEWEST_READ_FIRST if backwards else _KEYS_A_CALL
        while True:
            page = self._client.query(**query)
            ids = iter([one["id"] for one in page["Items"]])
            while some := list(islice(ids, at_once)):
                keys = [{"id": one} for one in some]
                # They come back in any order.
                items = {one["id"]["S"]: one for one in read_items(self._client, self._table, keys)}
                yield from (items[one["S"]] for one in some if one["S"] in items)
                at_once = min(4 * at_once, _KEYS_A_CALL)
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    # ------------------------------------------------------------------------------------- inside
    def _move(
        self,
        message_id: str,
        state: State,
        facts: Mapping[str, Any],
        outcome: Outcome | None,
        at: float,
        *,
        only_if: Sequence[str],
        given: Mapping[str, Any],
        remove: tuple[str, ...] = (),
    ) -> Recorded | Item:
        """Write facts, state and outcome if the state moves the message forward.

        Of the outcome is written what belongs to the stage that the message is in. The first one
        is tried first; a refusal shows another one, and stages only follow each other.

        .. code-block:: text

            accepted ------------------- due_at ---------------------- reported_at ----------->
              no outcome yet              |  it follows the state       |  it stays as reported
              outcome, due_at, lease      |  outcome                    |  nothing

        Returns
        -------
        Recorded or Item
            The item as it is, if it does not move.
        """
        may_follow = f"(attribute_not_exists(#state) OR #state IN ({_list(MAY_REPLACE[state])}))"
        due = self._due(outcome, at) if outcome else {}
        stages = [
            (due, "attribute_not_exists(due_at)"),
            (
                {"outcome": due.get("outcome")},
                "attribute_exists(due_at) AND attribute_not_exists(reported_at)",
            ),
            ({}, "attribute_exists(reported_at)"),
        ]
        stage = 0
        while True:
            changes, is_at_this_stage = stages[stage] if outcome else ({}, "")
            try:
                message = self._update(
                    message_id,
                    {**facts, "state": state.value, **changes, "expires_at": self._expiry(at)},
                    remove=remove,
                    only_if=[may_follow, *only_if, *([is_at_this_stage] if outcome else [])],
                    given={**_named(*MAY_REPLACE[state]), **given},
                )
            except _RefusedError as refused:
                before = from_item(refused.item)
                is_new = bool(due) and before.get("lease_owner") == due["lease_owner"]
                if is_new or _has(before, {**facts, "state": state.value}):
                    message = message_from(refused.item)
                    return Recorded(message, Effect.MOVED, outcome_is_new=is_new)
                stage_before, stage = stage, _stage_of(before)
                if not outcome or stage == stage_before:
                    return refused.item
            else:
                is_new = bool(due) and message.outcome_lease_owner == due["lease_owner"]
                return Recorded(message, Effect.MOVED, outcome_is_new=is_new)

    def _due(self, outcome: Outcome, at: float) -> dict[str, Any]:
        """Return what makes an outcome due: it is leased to the record that its maker queues."""
        return {
            "outcome": outcome_values(outcome),
            "due_at": at,
            "lease_owner": self._new_nonce(),
            "lease_until": at + FIRST_LEASE_SECONDS,
        }

    def _keep_facts(self, message_id: str, facts: Mapping[str, Any], at: float) -> Recorded:
        """Write facts that come late: they fill gaps and change nothing."""
        facts = {**facts, "expires_at": self._expiry(at)}
        message = self._update(message_id, {}, first=facts)
        return Recorded(message, Effect.LATE, outcome_is_new=False)

    def _was_written(self, message_id: str, changes: Mapping[str, Any], **more: Any) -> bool:
        """Write, and return whether the conditions held."""
        try:
            self._write(message_id, to_item(changes), **more)
        except _RefusedError:
            return False
        return True

    def _update(
        self,
        message_id: str,
        changes: Mapping[str, Any],
        *,
        first: Mapping[str, Any] | None = None,
        count: str = "",
        remove: tuple[str, ...] = (),
        only_if: Sequence[str] = (),
        given: Mapping[str, Any] | None = None,
    ) -> Message:
        """Change an item if all conditions hold, and return the message as it is then.

        boto3 takes a while for each attribute of an answer. So DynamoDB is asked for the item as it
        was, which lacks what is written now.

        Parameters
        ----------
        first
            Attributes to set unless they are there already.

        Raises
        ------
        _RefusedError
            A condition does not hold.
        """
        values, stays = to_item({**changes, **(first or {})}), _STAYS | (first or {}).keys()
        item = self._write(
            message_id,
            values,
            stays=stays,
            count=count,
            remove=remove,
            only_if=only_if,
            given=given,
            returns="ALL_OLD",
        )
        counted = {count: {"N": str(int(item.get(count, {"N": "0"})["N"]) + 1)}} if count else {}
        there = {name: value for name, value in item.items() if name in stays or name not in values}
        now = {"id": {"S": message_id}, **values, **there, **counted}
        return message_from({name: value for name, value in now.items() if name not in remove})

    def _write(
        self,
        message_id: str,
        values: Item,
        *,
        stays: Set[str] = _STAYS,
        count: str = "",
        remove: tuple[str, ...] = (),
        only_if: Sequence[str] = (),
        given: Mapping[str, Any] | None = None,
        client: "DynamoDBClient | None" = None,
        returns: "ReturnValueType" = "NONE",
    ) -> Item:
        """Change an item if all conditions hold.

        Parameters
        ----------
        values
            Attributes to set, but for those that are there already and stay.
        count
            An attribute that is counted up by one.
        given
            The values in the conditions.

        Raises
        ------
        _RefusedError
            A condition does not hold.
        """
        condition = " AND ".join(only_if)
        names = {"#state": "state"} if "#state" in condition else {}
        assignments = []
        for number, name in enumerate(values):
            placeholder = "#state" if name == "state" else f"#n{number}"
            names[placeholder] = name
            new = f"if_not_exists({placeholder}, :v{number})" if name in stays else f":v{number}"
            assignments.append(f"{placeholder} = {new}")
        placed = {f":v{number}": value for number, value in enumerate(values.values())}
        placed |= to_item({**(given or {}), **({":one": 1} if count else {})})
        clauses = [
            f"SET {', '.join(assignments)}" if assignments else "",
            f"ADD {count} :one" if count else "",
            f"REMOVE {', '.join(remove)}" if remove else "",
        ]
        call: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"id": {"S": message_id}},
            "UpdateExpression": " ".join(filter(None, clauses)),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": placed,
            "ConditionExpression": condition,
        }
        try:
            return (
                (client or self._client)
                .update_item(
                    **{name: value for name, value in call.items() if value},
                    ReturnValues=returns,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
                .get("Attributes", {})
            )
        except ClientError as error:
            raise _RefusedError(item_of_refusal(error)) from None

    def _keep(self, key: str, received_at: float, values: Mapping[str, Any]) -> None:
        expires_at = self._expiry(received_at)
        kept = {"id": key, **values, "received_at": received_at, "expires_at": expires_at}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(kept),
                # What came of it since must stay.
                ConditionExpression="attribute_not_exists(id)",
            )
        except ClientError as error:
            item_of_refusal(error)

    def _get(self, key: str, only: str = "") -> Item | None:
        projection: dict[str, Any] = {"ProjectionExpression": only} if only else {}
        return self._client.get_item(
            TableName=self._table, Key={"id": {"S": key}}, ConsistentRead=True, **projection
        ).get("Item")

    def _expiry(self, at: float) -> int:
        return int(at) + self._retention


def _insertion(table: str, item: Item) -> "BatchStatementRequestTypeDef":
    # Of what came from outside each value is a parameter.
    names = ", ".join(f"'{name}': ?" for name in item)
    statement = f'INSERT INTO "{table}" VALUE {{{names}}}'
    return {"Statement": statement, "Parameters": list(item.values())}


_Failure = dict[str, Any] | Exception
"""Of a statement: what DynamoDB says of it, or that its whole call failed."""


def _error_of(failure: _Failure) -> Exception:
    """Return a statement's failure as the exception that a call of its own would raise."""
    if isinstance(failure, Exception):
        return failure
    return ClientError({"Error": {"Code": failure["Code"]}}, "BatchExecuteStatement")


def read_items(client: "DynamoDBClient", table: str, keys: Iterable[Item]) -> Iterator[Item]:
    """Return the items that there are, in any order.

    Parameters
    ----------
    keys
        No two the same.

    Raises
    ------
    KeysLeftOutError
        Some could not be read.
    """
    for some in batched(keys, _KEYS_A_CALL):
        left: Sequence[Item] = some
        for _ in range(_MAX_READS):
            answer = client.batch_get_item(
                RequestItems={table: {"Keys": left, "ConsistentRead": True}}
            )
            yield from answer["Responses"].get(table, [])
            left = answer["UnprocessedKeys"].get(table, {"Keys": []})["Keys"]
            if not left:
                break
        else:
            raise KeysLeftOutError


def _readable(item: Item, on_unreadable: OnUnreadable = log_unreadable) -> Message | None:
    try:
        return message_from(item)
    except UnreadableItemError as error:
        on_unreadable(error)
        return None


def _stage_of(values: Mapping[str, Any]) -> int:
    """Return how far a message's outcome is: none yet, due, reported."""
    return 2 if "reported_at" in values else 1 if "due_at" in values else 0


def _has(values: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Return whether an item holds facts, but for those of which the first stays."""
    written = from_item(to_item(facts))
    return all(values.get(name) == value for name, value in written.items() if name not in _STAYS)


def _bound(moment: float) -> str:
    """Return an end of a time span as text."""
    return "9" if moment == LAST else timestamp(moment)


def _list(states: Iterable[State]) -> str:
    return ", ".join(f":{state}" for state in sorted(states))


def _named(*states: State) -> dict[str, str]:
    return {f":{state}": state.value for state in states}
