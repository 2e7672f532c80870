"""People who do not want to be texted any more, in DynamoDB."""

from collections.abc import Iterable
from typing import Any

from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest, Person
from sms_bridge.storage.table import OPT_OUT_PREFIX, MessagesTable

_OUT = {"S": OptRequest.OPT_OUT.value}


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

    def __init__(self, table: MessagesTable, scope: OptOutScope = OptOutScope.STACK) -> None:
        self._table = table
        self._scope = scope

    def is_opted_out(self, person: Person) -> bool:
        item = self._table.get(self._id(person))
        return item is not None and item["opt_request"] == _OUT

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        ids = {person: self._id(person) for person in people}
        found = self._table.read(set(ids.values()))
        out = {item["id"]["S"] for item in found if item["opt_request"] == _OUT}
        return {person for person, one in ids.items() if one in out}

    def record(
        self, person: Person, opt_request: OptRequest, at: float, *, inbound_id: str = ""
    ) -> bool:
        # The one that decides comes first, should 8x8 not repeat a callback that fails in between.
        ids = [self._id(person), _id(person)]
        if opt_request is OptRequest.OPT_OUT:
            ids.append(_id((EVERY_SUB_ACCOUNT, person[1])))
        changed = [
            self._record(one, person, opt_request, at, inbound_id) for one in dict.fromkeys(ids)
        ]
        return changed[0]

    def _record(
        self, key: str, person: Person, opt_request: OptRequest, at: float, inbound_id: str
    ) -> bool:
        """Record a request in one item; returns whether it is what changed the state.

        The SMS that began a state (``opt_out_by``, ``opt_in_by``) stays in the item until the other
        state begins. So the item, written or refused, gives a repeat the same answer.
        """
        changes: dict[str, Any] = {"opt_request": opt_request.value, "requested_at": at}
        remove: tuple[str, ...] = ("opt_out_by", "sub_account_id")
        condition = "attribute_not_exists(requested_at) OR requested_at < :requested_at"
        if opt_request is OptRequest.OPT_OUT:
            changes |= {"opt_out_at": at, "sub_account_id": person[0]}
            remove = ("opt_in_by",)
            # Of two requests at the same moment the opt-out holds.
            condition += " OR (requested_at = :requested_at AND opt_request <> :opt_request)"
        first = {f"{opt_request}_by": inbound_id}
        item, _ = self._table.update(key, changes, first=first, remove=remove, only_if=[condition])
        # An opt-in changes something only for somebody who once opted out.
        return "opt_out_at" in item and item.get(f"{opt_request}_by") == {"S": inbound_id}

    def _id(self, person: Person) -> str:
        """Return which item says whether a person is opted out."""
        is_for_all = self._scope is OptOutScope.STACK
        return _id((EVERY_SUB_ACCOUNT, person[1]) if is_for_all else person)


def _id(person: Person) -> str:
    sub_account_id, recipient_hash = person
    # An operator may come to write it in another case.
    return f"{OPT_OUT_PREFIX}{sub_account_id.lower()} {recipient_hash}"
