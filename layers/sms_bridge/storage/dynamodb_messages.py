"""Messages in DynamoDB."""

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sms_bridge.clock import seconds_of
from sms_bridge.rules.duplicates import ClaimKey
from sms_bridge.rules.life_cycle import MAY_REPLACE, State
from sms_bridge.rules.messages import InboundMessage, Message, Outcome, Receipt, UnknownEvent
from sms_bridge.rules.send_results import SendResult
from sms_bridge.storage.message_items import (
    RECEIPT_PREFIX,
    attributes,
    message_attributes,
    message_from,
    outcome_attribute,
    receipt_attribute,
)
from sms_bridge.storage.messages import Claim, Effect, Recorded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SECONDS_A_DAY = 86_400

# Simultaneous claims of one key cancel each other's transactions; one of them has won long before
# the tries are used up.
_CLAIM_TRIES = 6
_CLAIM_PAUSE = 0.05


class DynamoDBMessages:
    """A :class:`~sms_bridge.storage.messages.MessageStore` in one DynamoDB table.

    Parameters
    ----------
    client
        A boto3 DynamoDB client.
    table
        Name of the table; its key is the string attribute ``id``.
    retention_days
        After how many days a new item expires.
    sleep
        Waits, in seconds, before a claim is tried again.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        retention_days: int = 90,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention_days * _SECONDS_A_DAY
        self._sleep = sleep

    # ----------------------------------------------------------------------------------- sending
    def claim(self, message: Message, key: ClaimKey | None, now: float) -> Claim:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        create = self._update(
            message.id,
            {**message_attributes(message), "state": State.SENDING.value},
            expires_at=self._expiry(now),
            # A receipt cannot come before its message, but if it did, its state would stay.
            only_if_absent=("state", "umid"),
        )
        if key is None:
            self._client.update_item(**create)
            return Claim(won=True, message_id=message.id)

        now_ms = round(now * 1000)
        never_claimed = "attribute_not_exists(id)"
        window_is_over = "ends_at <= :now"
        claim = {
            "TableName": self._table,
            "Item": attributes(
                {
                    "id": f"claim {key.value}",
                    "message_id": message.id,
                    "ends_at": None if key.seconds is None else now_ms + key.seconds * 1000,
                    "expires_at": self._expiry(now),
                }
            ),
            "ConditionExpression": f"{never_claimed} OR {window_is_over}",
            "ExpressionAttributeValues": attributes({":now": now_ms}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        for tries_left in reversed(range(_CLAIM_TRIES)):
            try:
                self._client.transact_write_items(
                    TransactItems=[{"Put": claim}, {"Update": create}]  # type: ignore[typeddict-item]
                )
            except self._client.exceptions.TransactionCanceledException as canceled:
                reason: dict[str, Any] = dict(canceled.response["CancellationReasons"][0])
                if reason["Code"] == "ConditionalCheckFailed":
                    holder = reason["Item"]["message_id"]["S"]
                    # Its own: an earlier try got through and only the answer was lost.
                    return Claim(won=holder == message.id, message_id=holder)
                if not tries_left:
                    raise
                self._sleep(_CLAIM_PAUSE * random.random())  # noqa: S311
            else:
                break
        return Claim(won=True, message_id=message.id)

    def record_result(self, message_id: str, result: SendResult, at: str) -> Recorded:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        facts = {
            "answered_at": at,
            "umid": result.umid,
            "encoding": result.encoding,
            "reason": result.reason,
            "description": result.description,
            "eightx8_code": result.eightx8_code,
            "eightx8_error_id": result.eightx8_error_id,
        }
        return self._advance(message_id, result.state, facts, result.outcome, at)

    # ---------------------------------------------------------------------------------- receipts
    def record_receipt(
        self, message_id: str, receipt: Receipt, outcome: Outcome | None
    ) -> Recorded:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        facts = {
            RECEIPT_PREFIX + receipt.key: receipt_attribute(receipt),
            "umid": receipt.umid,
            "sub_account_id": receipt.sub_account_id,
        }
        return self._advance(message_id, receipt.state, facts, outcome, receipt.received_at)

    def keep_inbound(self, inbound: InboundMessage, received_at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        self._keep(
            f"inbound {inbound.umid}",
            received_at,
            {
                "sub_account_id": inbound.sub_account_id,
                "source": inbound.source,
                "destination": inbound.destination,
                "body": inbound.text,
                "encoding": inbound.encoding,
                "segments": inbound.segments,
                "sent_at": inbound.sent_at,
            },
        )

    def keep_event(self, event: UnknownEvent, received_at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        content = {"event_type": event.event_type, "content": event.content}
        self._keep(f"event {event.key}", received_at, content)

    # ---------------------------------------------------------------------------------- outcomes
    def record_told(self, message_id: str, at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        told = self._update(
            message_id, {"outcome_told_at": at}, only_if_absent=("outcome_told_at",)
        )
        self._client.update_item(**told)

    def record_refused(self, message_id: str, http_status: int, at: str) -> None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        refused = {"outcome_refused": http_status, "outcome_refused_at": at}
        self._client.update_item(**self._update(message_id, refused))

    # ----------------------------------------------------------------------------------- look-up
    def get(self, message_id: str) -> Message | None:
        """See :class:`~sms_bridge.storage.messages.MessageStore`."""
        item = self._client.get_item(
            TableName=self._table, Key=attributes({"id": message_id}), ConsistentRead=True
        ).get("Item")
        return message_from(item) if item else None

    # ------------------------------------------------------------------------------------- inside
    def _advance(
        self,
        message_id: str,
        state: State | None,
        facts: dict[str, Any],
        outcome: Outcome | None,
        at: str,
    ) -> Recorded:
        """Write facts, and with them the state if it moves the message forward.

        .. code-block:: text

            the state may follow  ->  one update: state, facts, outcome
            it may not            ->  the update is refused and shows the item as it is
                 facts are in it  ->  a repeat; nothing to write
                 else             ->  a second update: facts alone
        """
        changes = dict(facts)
        if outcome:
            changes |= {"outcome": outcome_attribute(outcome), "outcome_due_at": at}
        first_wins = ("umid", "sub_account_id", "outcome", "outcome_due_at")
        expires_at = self._expiry(seconds_of(at))

        item = None
        if state is not None:
            never_seen = "attribute_not_exists(#state)"
            may_be_replaced = _one_of("#state", MAY_REPLACE[state])
            forward = self._update(
                message_id,
                {**changes, "state": state.value},
                expires_at=expires_at,
                only_if_absent=first_wins,
                condition=f"{never_seen} OR {may_be_replaced}",
                condition_values={f":{other.value}": other.value for other in MAY_REPLACE[state]},
            )
            try:
                item = self._client.update_item(**forward, ReturnValues="ALL_NEW")["Attributes"]
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                before = refused.response["Item"]  # type: ignore[typeddict-item]
                if all(name in before for name in attributes(facts)):
                    return Recorded(message_from(before), Effect.REPEATED, outcome_is_new=False)
        if item is None:
            only_facts = self._update(
                message_id, facts, expires_at=expires_at, only_if_absent=tuple(facts)
            )
            item = self._client.update_item(**only_facts, ReturnValues="ALL_NEW")["Attributes"]
            return Recorded(message_from(item), Effect.LATE, outcome_is_new=False)
        message = message_from(item)
        is_new = outcome is not None and (message.outcome, message.outcome_due_at) == (outcome, at)
        return Recorded(message, Effect.MOVED, outcome_is_new=is_new)

    def _update(
        self,
        message_id: str,
        changes: Mapping[str, Any],
        *,
        expires_at: int | None = None,
        only_if_absent: tuple[str, ...] = (),
        condition: str | None = None,
        condition_values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Build an update that sets attributes."""
        values = attributes({**changes, "expires_at": expires_at})
        only_if_absent = (*only_if_absent, "expires_at")
        names, assignments = {}, []
        for number, name in enumerate(values):
            placeholder = "#state" if name == "state" else f"#n{number}"
            names[placeholder] = name
            new = f":v{number}"
            if name in only_if_absent:
                new = f"if_not_exists({placeholder}, {new})"
            assignments.append(f"{placeholder} = {new}")
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": attributes({"id": message_id}),
            "UpdateExpression": "SET " + ", ".join(assignments),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {
                **{f":v{number}": value for number, value in enumerate(values.values())},
                **attributes(dict(condition_values or {})),
            },
        }
        if condition:
            update["ConditionExpression"] = condition
            update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return update

    def _keep(self, key: str, received_at: str, values: dict[str, Any]) -> None:
        self._client.put_item(
            TableName=self._table,
            Item=attributes(
                {
                    "id": key,
                    **values,
                    "received_at": received_at,
                    "expires_at": self._expiry(seconds_of(received_at)),
                }
            ),
        )

    def _expiry(self, now: float) -> int:
        return int(now) + self._retention


def _one_of(name: str, states: frozenset[State]) -> str:
    return f"{name} IN ({', '.join(f':{state.value}' for state in sorted(states))})"
