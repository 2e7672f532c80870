"""People who do not want to be texted any more, and how often people are answered, in DynamoDB."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest, Person
from sms_bridge.errors import BridgeError
from sms_bridge.storage.aws import item_of_refusal
from sms_bridge.storage.items import OPT_OUT_PREFIX, Item, from_item, to_item
from sms_bridge.storage.messages import read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Between a read and the write that follows from it somebody else may have changed the item.
_TRIES = 5

_HOUR = slice(0, 13)
_SECONDS_KEPT = 86_400


class OptOutNotRecordedError(BridgeError):
    """The item changes faster than it can be written."""


class DynamoDBOptOuts:
    """:class:`OptOuts` in the messages table. A request does not expire.

    A person has an item for each sub-account that they wrote to, and one for all together. Which of
    them is read depends on the scope. Both are written, so that the scope can be changed at any
    time; only a START that is meant for one sub-account does not lift what holds for all.

    .. code-block:: text

        opt-out acme_promo 6f1c...    opt_out  10:00
        opt-out acme_news 6f1c...     opt_in   11:00
        opt-out * 6f1c...             opt_in   11:00   (scope stack)
                                      opt_out  10:00   (scope sub-account)
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, scope: OptOutScope = OptOutScope.STACK
    ) -> None:
        self._client = client
        self._table = table
        self._scope = scope

    def is_opted_out(self, person: Person) -> bool:
        item = self._get(self._id(person))
        return item is not None and _is_out(item)

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        by_id: dict[str, list[Person]] = {}
        for person in people:
            by_id.setdefault(self._id(person), []).append(person)
        keys = ({"id": {"S": one}} for one in by_id)
        found = read_items(self._client, self._table, keys)
        return {person for item in found if _is_out(item) for person in by_id[item["id"]["S"]]}

    def record(
        self, person: Person, opt_request: OptRequest, at: float, *, inbound_id: str = ""
    ) -> bool:
        sub_account_id, recipient_hash = person
        everywhere = EVERY_SUB_ACCOUNT, recipient_hash
        is_for_all = self._scope is OptOutScope.STACK or opt_request is OptRequest.OPT_OUT
        ids = {_id(person), _id(everywhere)} if is_for_all else {_id(person)}
        facts = {"sub_account_id": sub_account_id, "changed_by": inbound_id}
        changed = {one: self._record(one, opt_request, at, facts) for one in sorted(ids)}
        return changed[self._id(person)]

    def _record(
        self, key: str, opt_request: OptRequest, at: float, facts: Mapping[str, str]
    ) -> bool:
        """Record a request in one item; returns whether it is what changed the state.

        A request that changes the state and one that repeats it are two different writes, so that
        each is one atomic step. ``changed_by`` is the mark by which a change is known again.
        """
        is_out, is_in = (f"opt_request = :{one}" for one in OptRequest)
        nothing_known = "attribute_not_exists(requested_at)"
        is_newer = "requested_at < :at"
        # Of two requests at the same moment the opt-out holds.
        if opt_request is OptRequest.OPT_OUT:
            changes = f"{nothing_known} OR ({is_in} AND requested_at <= :at)"
            repeats = f"{is_out} AND {is_newer}"
        else:
            changes = f"{is_out} AND {is_newer}"
            repeats = f"{nothing_known} OR ({is_in} AND {is_newer})"
        values = {"opt_request": opt_request.value, "requested_at": at}
        for _ in range(_TRIES):
            there = self._write(key, {**values, **facts}, changes)
            if there is None or (facts["changed_by"] and _is_change(there, values, facts)):
                return True
            there = self._write(key, values, repeats)
            if there is None or not _may_be_written(there, opt_request, at):
                return False
        raise OptOutNotRecordedError

    def _write(self, key: str, values: Mapping[str, object], condition: str) -> Item | None:
        """Set attributes if the condition holds; returns the item as it is if it does not."""
        given = to_item(values)
        conditioned = {f":{one}": one.value for one in OptRequest if f":{one}" in condition}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"id": key}),
                UpdateExpression="SET " + ", ".join(f"{name} = :new_{name}" for name in given),
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    **{f":new_{name}": value for name, value in given.items()},
                    **to_item({**conditioned, ":at": values["requested_at"]}),
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return item_of_refusal(error)
        return None

    def _get(self, key: str) -> Item | None:
        return self._client.get_item(
            TableName=self._table, Key=to_item({"id": key}), ConsistentRead=True
        ).get("Item")

    def _id(self, person: Person) -> str:
        """Return which item says whether a person is opted out."""
        _, recipient_hash = person
        return _id((EVERY_SUB_ACCOUNT, recipient_hash) if self._is_for_all else person)

    @property
    def _is_for_all(self) -> bool:
        return self._scope is OptOutScope.STACK


class DynamoDBReplyCounts:
    """:class:`ReplyCounts` in the messages table: an item for each person and hour."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, recipient_hash: str, umid: str, at: float, *, at_most: int) -> bool:
        its_own = "contains(umids, :umid)"
        nobody_yet = "attribute_not_exists(umids)"
        fewer = "size(umids) < :at_most"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"id": f"replies {recipient_hash} {timestamp(at)[_HOUR]}"}),
                UpdateExpression="ADD umids :umids SET expires_at = :expires_at",
                ConditionExpression=f"{its_own} OR {nobody_yet} OR {fewer}",
                ExpressionAttributeValues={
                    ":umids": {"SS": [umid]},
                    **to_item(
                        {
                            ":umid": umid,
                            ":at_most": at_most,
                            ":expires_at": int(at) + _SECONDS_KEPT,
                        }
                    ),
                },
            )
        except ClientError as error:
            item_of_refusal(error)
            return False
        return True


def _is_out(item: Item) -> bool:
    return bool(item["opt_request"]["S"] == OptRequest.OPT_OUT)


def _is_change(there: Item, values: Mapping[str, object], facts: Mapping[str, str]) -> bool:
    """Return whether an item is as this very request made it."""
    known = from_item(there)
    wanted = (values["opt_request"], facts["changed_by"])
    return (known.get("opt_request"), known.get("changed_by")) == wanted


def _may_be_written(there: Item, opt_request: OptRequest, at: float) -> bool:
    """Return whether a request that was refused would be accepted now: the item has changed."""
    if not there:
        return True
    known = from_item(there)
    voids_the_other = opt_request is OptRequest.OPT_OUT and known["opt_request"] != opt_request
    last, now = str(known["requested_at"]), timestamp(at)
    return last < now or (last == now and voids_the_other)


def _id(person: Person) -> str:
    sub_account_id, recipient_hash = person
    return f"{OPT_OUT_PREFIX}{sub_account_id} {recipient_hash}"
