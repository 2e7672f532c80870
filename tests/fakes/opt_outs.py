"""Opt-outs in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest, Person


@dataclass
class InMemoryOptOuts:
    """OptOuts in memory: the last request of each person to each sub-account and to all.

    Attributes
    ----------
    requests
        When, what, and which inbound message last changed it.
    """

    scope: OptOutScope = OptOutScope.STACK
    requests: dict[Person, tuple[float, OptRequest, str]] = field(default_factory=dict)

    def is_opted_out(self, person: Person) -> bool:
        _, opt_request, _ = self.requests.get(self._read(person), (0.0, OptRequest.OPT_IN, ""))
        return opt_request is OptRequest.OPT_OUT

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        return set(filter(self.is_opted_out, people))

    def record(
        self, person: Person, opt_request: OptRequest, at: float, *, inbound_id: str = ""
    ) -> bool:
        person = person[0].lower(), person[1]
        changed = {person: self._record(person, opt_request, at, inbound_id)}
        everywhere = EVERY_SUB_ACCOUNT, person[1]
        is_for_all = self.scope is OptOutScope.STACK or opt_request is OptRequest.OPT_OUT
        if is_for_all and everywhere != person:
            changed[everywhere] = self._record(everywhere, opt_request, at, inbound_id)
        return changed[self._read(person)]

    def _record(self, person: Person, opt_request: OptRequest, at: float, inbound_id: str) -> bool:
        last, before, changed_by = self.requests.get(person, (0.0, OptRequest.OPT_IN, ""))
        if changed_by and (changed_by, before) == (inbound_id, opt_request):
            return True
        if last < at or (last == at and opt_request is OptRequest.OPT_OUT):
            changes = before is not opt_request
            self.requests[person] = (at, opt_request, inbound_id if changes else changed_by)
            return changes
        return False

    def _read(self, person: Person) -> Person:
        is_for_all = self.scope is OptOutScope.STACK
        return EVERY_SUB_ACCOUNT if is_for_all else person[0].lower(), person[1]
